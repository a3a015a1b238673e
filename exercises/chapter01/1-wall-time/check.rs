mod exercise;

use std::time::Duration;

fn main() {
    for (pages, millis, workers) in [
        (1, 50, 1),
        (40, 50, 1),
        (40, 50, 16),
        (40, 50, 40),
        (40, 50, 1000),
        (41, 50, 40),
        (16, 50, 16),
        (17, 50, 16),
        (0, 50, 4),
        (0, 50, 0),
        (5, 50, 0),
        (5, 0, 1),
        (3, 7, 2),
    ] {
        let time = exercise::wall_time(pages, Duration::from_millis(millis), workers);
        let time = match time {
            Some(time) => format!("{} ms", time.as_millis()),
            None => "never".to_owned(),
        };
        println!("{pages} pages of {millis} ms, {workers} workers: {time}");
    }
}
