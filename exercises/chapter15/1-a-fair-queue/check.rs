mod exercise;

use exercise::Queue;

fn main() {
    items_come_out_in_order();
    getters_are_served_in_order();
    putters_are_let_in_in_order();
    nothing_is_lost_by_a_cancel();
}

fn items_come_out_in_order() {
    let mut queue = Queue::new(2);
    println!("put 1: {:?}", queue.put("p", 1));
    println!("put 2: {:?}", queue.put("p", 2));
    println!("get: {:?}", queue.get("g"));
    println!("get: {:?}", queue.get("g"));
}

fn getters_are_served_in_order() {
    let mut queue = Queue::new(1);
    println!("g waits: {:?}", queue.get("g"));
    println!("h waits: {:?}", queue.get("h"));
    println!("put 1: {:?}", queue.put("p", 1));
    println!("put 2: {:?}", queue.put("p", 2));
    println!("put 3: {:?}", queue.put("p", 3));
    println!("get: {:?}", queue.get("g"));
}

fn putters_are_let_in_in_order() {
    let mut queue = Queue::new(1);
    println!("put 1: {:?}", queue.put("p", 1));
    println!("q waits: {:?}", queue.put("q", 2));
    println!("r waits: {:?}", queue.put("r", 3));
    println!("get: {:?}", queue.get("g"));
    println!("p waits: {:?}", queue.put("p", 4));
    for _ in 0..3 {
        println!("get: {:?}", queue.get("g"));
    }
    println!("g waits: {:?}", queue.get("g"));
    let mut queue = Queue::new(2);
    for item in 1..=3 {
        println!("put {item}: {:?}", queue.put("p", item));
    }
    for _ in 0..3 {
        println!("get: {:?}", queue.get("g"));
    }
}

fn nothing_is_lost_by_a_cancel() {
    let mut queue = Queue::new(1);
    println!("g and h wait: {:?} {:?}", queue.get("g"), queue.get("h"));
    println!("g gives up: {}", queue.cancel("g"));
    println!("g gives up again: {}", queue.cancel("g"));
    println!("put 1: {:?}", queue.put("p", 1));
    println!("put 2: {:?}", queue.put("p", 2));
    println!("q waits: {:?}", queue.put("q", 3));
    println!("r waits: {:?}", queue.put("r", 4));
    println!("q gives up: {}", queue.cancel("q"));
    println!("get: {:?}", queue.get("g"));
    println!("get: {:?}", queue.get("g"));
    println!("a stranger gives up: {}", queue.cancel("nobody"));
}
