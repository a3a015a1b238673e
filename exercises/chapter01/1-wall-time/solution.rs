use std::time::Duration;

/// How long `workers` threads take to fetch `pages` pages of `latency` each.
pub fn wall_time(pages: u32, latency: Duration, workers: u32) -> Option<Duration> {
    if pages == 0 {
        return Some(Duration::ZERO);
    }
    let rounds = (workers > 0).then(|| pages.div_ceil(workers))?;
    Some(latency * rounds)
}
