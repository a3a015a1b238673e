mod exercise;

use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use exercise::{Read, Ring};
use kernel::{Buffer, Cancelled, Memory, World};

fn main() {
    a_read_gives_its_bytes();
    bytes_come_before_the_kernel_hears_of_the_cancel();
    a_cancel_is_in_time();
    the_read_is_done_and_nobody_has_heard_of_it();
    the_read_is_done_and_nobody_has_taken_its_bytes();
    another_read_has_its_number();
}

fn a_read_gives_its_bytes() {
    println!("-- a read");
    let Program { memory, ring, world, task, .. } = program();
    let mut read = ring.read(memory.take());
    task.poll(&mut read);
    world.look();
    world.arrive("hello");
    println!("woken: {}", task.woken());
    ring.turn();
    println!("woken: {}", task.woken());
    task.poll(&mut read);
    drop(read);
    println!("free: {}, under way: {}", memory.free(), world.under_way());
}

fn bytes_come_before_the_kernel_hears_of_the_cancel() {
    println!("-- dropped half-way, and the bytes come");
    let Program { memory, ring, world, task, other } = program();
    let mut read = ring.read(memory.take());
    task.poll(&mut read);
    world.look();
    drop(read);
    let mut mine = memory.take();
    mine.fill("mine");
    world.arrive("of the old read");
    println!("my buffer has {:?}", mine.text());
    drop(mine);
    world.look();
    ring.turn();
    println!("woken: {}", task.woken());
    println!("free: {}, under way: {}", memory.free(), world.under_way());
    let mut next = ring.read(memory.take());
    world.look();
    world.arrive("next");
    ring.turn();
    other.poll(&mut next);
}

fn a_cancel_is_in_time() {
    println!("-- dropped half-way, and no bytes come");
    let Program { memory, ring, world, task, .. } = program();
    let mut read = ring.read(memory.take());
    task.poll(&mut read);
    drop(read);
    println!("under way: {}", world.under_way());
    world.look();
    ring.turn();
    println!("free: {}, under way: {}", memory.free(), world.under_way());
}

fn the_read_is_done_and_nobody_has_heard_of_it() {
    println!("-- dropped when the kernel is done already");
    let Program { memory, ring, world, task, other } = program();
    let mut read = ring.read(memory.take());
    task.poll(&mut read);
    world.look();
    world.arrive("too late");
    drop(read);
    ring.turn();
    println!("free: {}", memory.free());
    let mut next = ring.read(memory.take());
    other.poll(&mut next);
    world.look();
    world.arrive("next");
    ring.turn();
    other.poll(&mut next);
    drop(next);
    println!("free: {}, under way: {}", memory.free(), world.under_way());
}

fn the_read_is_done_and_nobody_has_taken_its_bytes() {
    println!("-- dropped when its bytes are there");
    let Program { memory, ring, world, task, .. } = program();
    let mut read = ring.read(memory.take());
    task.poll(&mut read);
    world.look();
    world.arrive("for nobody");
    ring.turn();
    drop(read);
    println!("free: {}, under way: {}", memory.free(), world.under_way());
}

fn another_read_has_its_number() {
    println!("-- dropped when another read has its number");
    let Program { memory, ring, world, task, other } = program();
    for is_taken in [false, true] {
        let mut first = ring.read(memory.take());
        world.look();
        world.arrive("for the first");
        ring.turn();
        if is_taken {
            task.poll(&mut first);
        }
        let mut second = ring.read(memory.take());
        other.poll(&mut second);
        drop(first);
        world.look();
        world.arrive("for the second");
        ring.turn();
        other.poll(&mut second);
    }
    println!("free: {}, under way: {}", memory.free(), world.under_way());
}

/// What each check begins with.
struct Program {
    memory: Memory,
    ring: Rc<Ring>,
    world: World,
    task: Task,
    other: Task,
}

fn program() -> Program {
    let memory = Memory::new(2);
    let (kernel, world) = kernel::start(&memory);
    let [task, other] = [Task::default(), Task::default()];
    Program { memory, ring: Ring::new(kernel), world, task, other }
}

/// Polls, and counts how often it is woken.
#[derive(Default)]
struct Task(Arc<Wakes>);

#[derive(Default)]
struct Wakes(AtomicUsize);

impl Task {
    fn poll(&self, read: &mut Read) {
        let waker = Waker::from(Arc::clone(&self.0));
        match Pin::new(read).poll(&mut Context::from_waker(&waker)) {
            Poll::Pending => println!("the read waits"),
            Poll::Ready((buffer, result)) => tell(&buffer, result),
        }
    }

    fn woken(&self) -> usize {
        self.0.0.load(Ordering::Relaxed)
    }
}

fn tell(buffer: &Buffer, result: Result<usize, Cancelled>) {
    match result {
        Ok(n) => println!("the read gives {n} bytes: {:?}", buffer.text()),
        Err(Cancelled) => println!("the read was cancelled, and nobody has dropped it"),
    }
}

impl Wake for Wakes {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

/// A toy. It is told addresses, as a true kernel is, and never who owns what is there.
mod kernel {
    use std::cell::RefCell;
    use std::collections::VecDeque;
    use std::rc::Rc;

    /// Some buffers. Whichever was given back last is the next to be taken.
    #[derive(Clone)]
    pub struct Memory {
        texts: Rc<RefCell<Vec<String>>>,
        free: Rc<RefCell<Vec<Address>>>,
    }

    /// Where a buffer is.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct Address(usize);

    /// A buffer, and yours alone. To drop it is to give it back.
    pub struct Buffer {
        address: Address,
        memory: Memory,
    }

    impl Memory {
        pub fn new(buffers: usize) -> Self {
            let free = (0..buffers).map(Address).collect();
            let texts = vec![String::new(); buffers];
            Self { texts: Rc::new(texts.into()), free: Rc::new(RefCell::new(free)) }
        }

        pub fn take(&self) -> Buffer {
            let address = self.free.borrow_mut().pop().expect("a buffer is free");
            Buffer { address, memory: self.clone() }
        }

        pub fn free(&self) -> usize {
            self.free.borrow().len()
        }

        fn write(&self, Address(place): Address, text: &str) {
            text.clone_into(&mut self.texts.borrow_mut()[place]);
        }
    }

    impl Buffer {
        pub fn address(&self) -> Address {
            self.address
        }

        pub fn text(&self) -> String {
            self.memory.texts.borrow()[self.address.0].clone()
        }

        pub fn fill(&mut self, text: &str) {
            self.memory.write(self.address, text);
        }
    }

    impl Drop for Buffer {
        fn drop(&mut self) {
            self.memory.free.borrow_mut().push(self.address);
        }
    }

    /// Names a read. It names another one as soon as somebody has heard that this one is done.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
    pub struct Number(usize);

    /// The kernel did not read: it was asked to leave off.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct Cancelled;

    /// The kernel's last word on a read.
    #[derive(Clone, Copy, Debug)]
    pub struct Completion {
        pub number: Number,
        /// How many bytes are in the buffer.
        pub result: Result<usize, Cancelled>,
    }

    /// The program's side: two queues.
    pub struct Kernel(Rc<RefCell<State>>);

    /// The other side, where time goes by and bytes arrive.
    pub struct World(Rc<RefCell<State>>);

    struct State {
        memory: Memory,
        submitted: VecDeque<Submission>,
        /// What the kernel has looked at. The oldest gets the bytes that arrive.
        reading: VecDeque<(Number, Address)>,
        completions: VecDeque<Completion>,
        /// The numbers that name a read now.
        named: Vec<Number>,
    }

    enum Submission {
        Read(Number, Address),
        Cancel(Number),
    }

    pub fn start(memory: &Memory) -> (Kernel, World) {
        let (submitted, reading, completions, named) = Default::default();
        let memory = memory.clone();
        let state = State { memory, submitted, reading, completions, named };
        let state = Rc::new(RefCell::new(state));
        (Kernel(Rc::clone(&state)), World(state))
    }

    impl Kernel {
        /// Asks for a read into the buffer that is there.
        pub fn read(&self, address: Address) -> Number {
            let mut state = self.0.borrow_mut();
            let is_new = |number: &Number| !state.named.contains(number);
            let number = (0..).map(Number).find(is_new).expect("numbers do not end");
            state.named.push(number);
            state.submitted.push_back(Submission::Read(number, address));
            number
        }

        /// Asks to leave off. If that read is done by then, nothing happens.
        pub fn cancel(&self, number: Number) {
            self.0.borrow_mut().submitted.push_back(Submission::Cancel(number));
        }

        /// The next word of the kernel, if it has said one.
        pub fn completion(&self) -> Option<Completion> {
            let mut state = self.0.borrow_mut();
            let completion = state.completions.pop_front()?;
            state.named.retain(|number| *number != completion.number);
            Some(completion)
        }
    }

    impl World {
        /// The kernel looks at what it was asked for, in this order.
        pub fn look(&self) {
            let state = &mut *self.0.borrow_mut();
            for submission in state.submitted.drain(..) {
                match submission {
                    Submission::Read(number, address) => {
                        state.reading.push_back((number, address));
                    }
                    Submission::Cancel(number) => {
                        let before = state.reading.len();
                        state.reading.retain(|(reading, _)| *reading != number);
                        if state.reading.len() < before {
                            let result = Err(Cancelled);
                            state.completions.push_back(Completion { number, result });
                        }
                    }
                }
            }
        }

        /// Bytes arrive, and are written wherever the oldest read has said.
        pub fn arrive(&self, text: &str) {
            let state = &mut *self.0.borrow_mut();
            if let Some((number, address)) = state.reading.pop_front() {
                state.memory.write(address, text);
                let result = Ok(text.len());
                state.completions.push_back(Completion { number, result });
            }
        }

        /// How many reads nobody has heard the end of.
        pub fn under_way(&self) -> usize {
            self.0.borrow().named.len()
        }
    }
}
