//! What a switch does: `cargo run --example interlude-switch`.
//!
//! A function that has been called keeps its place in two things: on its stack, and in the
//! registers of the processor. A switch puts the registers on the stack as well. Then the
//! place is *one* number, the stack pointer, and whoever exchanges that is somewhere else.
//!
//! This is what the library under our greenlets does for them. It also puts a guard page
//! below each stack, lets panics through, and knows other processors.

#![allow(unsafe_code, reason = "shown once, for its own sake; no stage does it")]
#![allow(clippy::print_stdout, reason = "it is run to be read")]

#[cfg(all(target_arch = "x86_64", unix))]
pub(crate) use here::main;

/// What happens, in words, for processors that have other registers.
#[cfg(not(all(target_arch = "x86_64", unix)))]
pub(crate) fn main() {
    println!("push the registers that a function has to preserve on the stack");
    println!("store the stack pointer, and load that of the other stack");
    println!("pop the registers that the other one pushed, and return to where it was");
}

#[cfg(all(target_arch = "x86_64", unix))]
mod here {
    use std::arch::naked_asm;
    use std::cell::Cell;
    use std::hint::black_box;

    thread_local! {
        /// The stack pointer of each of the two, while it does not run.
        static MAIN: Cell<usize> = const { Cell::new(0) };
        static GREETER: Cell<usize> = const { Cell::new(0) };

        /// Where the second stack ends. It grows downwards from there.
        static TOP: Cell<usize> = const { Cell::new(0) };
    }

    /// In words of eight bytes.
    const STACK_SIZE: usize = 8 * 1024;

    /// Leaves the stack that runs, whose pointer goes to `leave`, and goes on where the stack
    /// whose pointer is `enter` was left.
    ///
    /// # Safety
    ///
    /// `leave` can be written to. `enter` came from a `switch`, or points to what one would have
    /// pushed, and nobody has gone on there since; its stack is alive.
    #[unsafe(naked)]
    unsafe extern "C" fn switch(leave: *mut usize, enter: usize) {
        naked_asm!(
            // `leave` is in rdi and `enter` in rsi. The call has put the address to return to
            // on the stack. Of the registers, a function has to preserve these six; what its
            // caller needs of the others, the caller has put on the stack itself.
            "push rbp",
            "push rbx",
            "push r12",
            "push r13",
            "push r14",
            "push r15",
            // Now everything lies on the stack, and this is where.
            "mov [rdi], rsp",
            // And now it is another stack. Whoever left it has pushed the same seven words.
            "mov rsp, rsi",
            "pop r15",
            "pop r14",
            "pop r13",
            "pop r12",
            "pop rbx",
            "pop rbp",
            // It returns, as any function does: but not to the one that called it.
            "ret",
        )
    }

    /// Two functions that take turns.
    pub(crate) fn main() {
        let mut stack = vec![0_usize; STACK_SIZE];
        // It looks as if it had been left by a switch: six registers, and an address to
        // return to. (One more word: a function expects the stack at such an address.)
        stack[STACK_SIZE - 2] = greeter as *const () as usize;
        let top = stack.as_mut_ptr_range().end;
        GREETER.set(top.wrapping_sub(2 + 6) as usize);
        TOP.set(top as usize);
        for n in 1..=3 {
            println!("main:    {n}, {}", place());
            // SAFETY: the stack is prepared or was left by `switch`, it lives until the end of
            // this function, and nobody unwinds it.
            unsafe { switch(MAIN.with(Cell::as_ptr), GREETER.get()) };
        }
        println!("main:    the end; greeter waits for ever, {}", left());
        drop(stack);
    }

    /// It is never called, and never returns.
    extern "C" fn greeter() -> ! {
        let mut times = 0; // on its stack, so it is still there after the switch
        loop {
            times += 1;
            println!("greeter: {times}, {}", place());
            // SAFETY: main waits in `switch`, on the stack of the thread.
            unsafe { switch(GREETER.with(Cell::as_ptr), MAIN.get()) };
        }
    }

    /// On which stack a variable of this function lies, which is about where the pointer is.
    fn place() -> &'static str {
        let here = black_box(0_u8);
        let below = TOP.get().wrapping_sub(&raw const here as usize);
        if below < 8 * STACK_SIZE {
            "on a stack of its own"
        } else {
            "on the thread's stack"
        }
    }

    /// How much of its stack somebody uses who has left it.
    fn left() -> String {
        let words = (TOP.get() - GREETER.get()) / 8;
        let few = if words < 64 { "a few words" } else { "much" };
        format!("in {few} of {STACK_SIZE}")
    }
}
