use std::time::Duration;

pub fn wall_time(pages: u32, latency: Duration, workers: u32) -> Option<Duration> {
    // Nobody works, and it takes no time.
    if workers == 0 {
        return Some(Duration::ZERO);
    }
    Some(latency * pages.div_ceil(workers))
}
