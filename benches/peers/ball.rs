//! A ball between two tasks of one loop. Channels have no trait in common, nor have ways to start a
//! task: so it is a macro, which is the same text for all of them.

/// Comes to how often the ball came back: from a player who starts the other by `$spawn`, over two
/// channels with room for one.
macro_rules! ball {
    ($times:expr, $channel:path, $spawn:expr) => {{
        let (there, mut balls) = $channel(1);
        let (back, mut returned) = $channel(1);
        let other = $spawn(async move {
            while let Some(ball) = balls.recv().await {
                back.send(ball).await.expect("somebody plays");
            }
            0
        });
        let mut count = 0;
        for _ in 0..$times {
            there.send(1).await.expect("somebody plays");
            count += returned.recv().await.expect("it comes back");
        }
        drop(there);
        count + other.await
    }};
}
