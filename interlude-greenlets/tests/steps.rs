//! The step that uses assembly runs to its end.

#[path = "../steps/switch.rs"]
mod switch;

#[test]
fn two_functions_take_turns_without_a_library() {
    switch::main();
}
