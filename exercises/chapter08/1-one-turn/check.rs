mod exercise;

use exercise::Loop;

fn main() {
    what_a_turn_adds_is_for_the_next();
    timers_come_behind_whoever_is_ready();
    a_cancel_of_the_same_turn_is_in_time();
    nobody_sleeps_for_a_cancelled_timer();
}

fn what_a_turn_adds_is_for_the_next() {
    let mut event_loop = Loop::default();
    event_loop.call_soon(again);
    event_loop.call_soon(|_| println!("b"));
    for turn in 1..=3 {
        println!("turn {turn}");
        event_loop.run_once(0);
    }
}

/// Adds itself again, for ever.
fn again(event_loop: &mut Loop) {
    println!("a, again");
    event_loop.call_soon(again);
}

fn timers_come_behind_whoever_is_ready() {
    let mut event_loop = Loop::default();
    println!("nobody: {:?}", event_loop.timeout(0));
    event_loop.call_at(30, |_| println!("at 30"));
    event_loop.call_at(20, |_| println!("at 20"));
    event_loop.call_at(20, |_| println!("at 20, too"));
    event_loop.call_at(31, |_| println!("at 31"));
    println!("two timers: {:?}", event_loop.timeout(5));
    event_loop.call_soon(|_| println!("ready"));
    println!("and somebody ready: {:?}", event_loop.timeout(5));
    event_loop.run_once(30);
    println!("one is left: {:?}", event_loop.timeout(30));
    println!("late: {:?}", event_loop.timeout(99));
}

fn a_cancel_of_the_same_turn_is_in_time() {
    let mut event_loop = Loop::default();
    event_loop.call_soon(|event_loop| {
        let last = event_loop.call_soon(|_| println!("next turn"));
        let gone = event_loop.call_soon(|_| println!("never"));
        event_loop.cancel(gone);
        println!("one cancelled, one queued");
        event_loop.call_soon(move |event_loop| event_loop.cancel(last));
    });
    let victim = event_loop.call_at(10, |_| println!("cancelled, and called"));
    event_loop.call_at(9, move |event_loop| event_loop.cancel(victim));
    event_loop.call_at(11, |event_loop| {
        println!("the last of this turn");
        event_loop.call_soon(|_| println!("the turn after"));
    });
    println!("turn 1");
    event_loop.run_once(11);
    println!("turn 2");
    event_loop.run_once(11);
}

fn nobody_sleeps_for_a_cancelled_timer() {
    let mut event_loop = Loop::default();
    let early = event_loop.call_at(10, |_| println!("cancelled, and called"));
    event_loop.call_at(40, |_| println!("at 40"));
    event_loop.cancel(early);
    println!("to sleep: {:?}", event_loop.timeout(0));
    event_loop.run_once(40);
    event_loop.cancel(early);
    println!("to sleep: {:?}", event_loop.timeout(40));
}
