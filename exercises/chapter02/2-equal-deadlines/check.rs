mod exercise;

use exercise::Timers;

fn main() {
    equal_deadlines_keep_their_order();
    nobody_is_early_and_nobody_comes_twice();
    a_cancel_takes_one_and_no_other();
}

fn equal_deadlines_keep_their_order() {
    let mut timers = Timers::default();
    timers.insert(20, "d");
    for name in ["a", "b", "c"] {
        timers.insert(10, name);
    }
    timers.insert(5, "first");
    println!("next: {:?}", timers.next());
    println!("at 30: {:?}", timers.due(30));
    println!("next: {:?}", timers.next());
}

fn nobody_is_early_and_nobody_comes_twice() {
    let mut timers = Timers::default();
    timers.insert(10, "ten");
    timers.insert(11, "eleven");
    for now in [9, 10, 10, 11] {
        println!("at {now}: {:?}", timers.due(now));
    }
}

fn a_cancel_takes_one_and_no_other() {
    let mut timers = Timers::default();
    let a = timers.insert(10, "a");
    let b = timers.insert(10, "b");
    timers.insert(10, "c");
    println!("cancel b: {}", timers.cancel(b));
    println!("cancel b: {}", timers.cancel(b));
    println!("at 10: {:?}", timers.due(10));
    let late = timers.insert(10, "late");
    println!("cancel a, which is over: {}", timers.cancel(a));
    println!("at 10: {:?}", timers.due(10));
    println!("cancel late, which is over: {}", timers.cancel(late));
}
