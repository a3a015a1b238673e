mod exercise;

use exercise::{Task, Waits, tree};

fn main() {
    println!("-- a tree");
    show(&[
        ("main", Waits::Task(1)),
        ("fetch", Waits::Outside("socket 3")),
        ("ticker", Waits::Outside("the clock")),
        ("worker", Waits::Ready),
    ]);
    println!("-- two wait for the same");
    show(&[
        ("cache", Waits::Outside("socket 4")),
        ("a", Waits::Task(0)),
        ("b", Waits::Task(1)),
        ("c", Waits::Task(0)),
    ]);
    println!("-- nobody at the margin");
    show(&[("b", Waits::Task(1)), ("c", Waits::Task(0))]);
    println!("-- two circles, and who leads into them");
    show(&[
        ("ticker", Waits::Outside("the clock")),
        ("e", Waits::Task(5)),
        ("c", Waits::Task(4)),
        ("d", Waits::Task(2)),
        ("b", Waits::Task(2)),
        ("f", Waits::Task(6)),
        ("g", Waits::Task(7)),
        ("h", Waits::Task(5)),
        ("i", Waits::Task(3)),
    ]);
    println!("-- it waits for itself");
    show(&[("alone", Waits::Task(0))]);
    println!("-- nobody");
    show(&[]);
}

fn show(tasks: &[(&'static str, Waits)]) {
    let tasks: Vec<_> = tasks.iter().map(|&(name, waits)| Task { name, waits }).collect();
    for line in tree(&tasks) {
        println!("{line}");
    }
}
