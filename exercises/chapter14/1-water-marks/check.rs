mod exercise;

use exercise::Buffer;

fn main() {
    it_pauses_above_and_resumes_at_the_low_mark();
    a_slow_reader_is_waited_for_once();
    the_marks_can_be_set();
    a_mark_of_nothing_lets_one_write_through();
}

fn it_pauses_above_and_resumes_at_the_low_mark() {
    let mut buffer = Buffer::new();
    println!("65,536 written: {:?}", buffer.write(65_536));
    println!("one more: {:?}", buffer.write(1));
    println!("may write: {}", buffer.may_write());
    println!("and more all the same: {:?}", buffer.write(100));
    println!("some sent: {:?}", buffer.sent(40_000));
    println!("may write: {}", buffer.may_write());
    println!("16,385 left: {:?}", buffer.sent(9_252));
    println!("16,384 left: {:?}", buffer.sent(1));
    println!("may write: {}", buffer.may_write());
    println!("all sent: {:?}", buffer.sent(16_384));
}

fn a_slow_reader_is_waited_for_once() {
    let mut buffer = Buffer::new();
    let (mut pauses, mut resumes) = (0, 0);
    for _ in 0..100 {
        while buffer.may_write() {
            pauses += u32::from(buffer.write(10_000).is_some());
        }
        while !buffer.may_write() {
            resumes += u32::from(buffer.sent(1_000).is_some());
        }
    }
    println!("{pauses} pauses, {resumes} resumes");
}

fn the_marks_can_be_set() {
    let mut buffer = Buffer::new();
    println!("high alone: {:?}", buffer.set_limits(Some(1_000), None));
    println!("1,001: {:?}", buffer.write(1_001));
    println!("251 left: {:?}", buffer.sent(750));
    println!("250 left: {:?}", buffer.sent(1));
    println!("low alone: {:?}", buffer.set_limits(None, Some(50)));
    println!("now it is above: {:?}", buffer.may_write());
    println!("crossed: {:?}", buffer.set_limits(Some(10), Some(20)));
    println!("as it was: {:?}, {:?}", buffer.sent(199), buffer.sent(1));
    println!("none given: {:?}", buffer.set_limits(None, None));
    println!("65,486 more: {:?}", buffer.write(65_486));
    println!("and one: {:?}", buffer.write(1));
}

fn a_mark_of_nothing_lets_one_write_through() {
    let mut buffer = Buffer::new();
    println!("no buffer: {:?}", buffer.set_limits(Some(0), None));
    println!("nothing written: {:?}", buffer.write(0));
    println!("one byte: {:?}", buffer.write(1));
    println!("sent: {:?}", buffer.sent(1));
}
