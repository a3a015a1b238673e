use std::time::Duration;

pub fn wall_time(pages: u32, latency: Duration, workers: u32) -> Option<Duration> {
    if pages == 0 {
        return Some(Duration::ZERO);
    }
    // A page can be shared out.
    (workers > 0).then(|| latency * pages / workers)
}
