//! The terminal: taken over, listened to, and given back as it was.

use std::io;
use std::process;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use lineage::error::Error;
use lineage::interrupt;
use ratatui::DefaultTerminal;
use ratatui::backend::Backend;
use ratatui::crossterm::event::{self, Event, KeyEventKind};
use ratatui::crossterm::terminal::disable_raw_mode;
use ratatui::layout::{Position, Rect};

use crate::screen::{self, Look};
use crate::stepper::{Stepper, Then};

/// How soon a signal is noticed.
const LOOK_UP: Duration = Duration::from_millis(100);

/// How long after a signal the terminal may take to be given back.
const GRACE: Duration = Duration::from_secs(1);

/// The whole terminal. Dropping it gives the terminal back as it was; so does a panic.
#[derive(Debug)]
pub struct Screen {
    terminal: DefaultTerminal,
}

impl Screen {
    /// Takes the terminal over.
    ///
    /// # Errors
    ///
    /// Fails where there is none.
    pub fn open() -> io::Result<Self> {
        let terminal = ratatui::try_init().inspect_err(|_| drop(disable_raw_mode()))?;
        Ok(Self { terminal })
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        // In a panic, the hook has done it, and what it printed must stay.
        if thread::panicking() {
            return;
        }
        // Some terminals keep a line of what is not cleared, after a resize.
        drop(self.terminal.backend_mut().clear());
        drop(ratatui::try_restore());
        if self.terminal.show_cursor().is_err() {
            // The terminal is gone, and dropping `Terminal` would panic for telling it so.
            process::exit(interrupt::STATUS);
        }
    }
}

/// Shows a recording, until somebody has seen enough.
///
/// # Errors
///
/// A failure when the terminal does not obey; status 130 after Ctrl-C or a signal.
pub fn show(mut stepper: Stepper, look: Look) -> Result<(), Error> {
    let interrupted = Arc::new(AtomicBool::new(false));
    listen_for_signals(Arc::clone(&interrupted))?;
    thread::spawn(end_with_the_terminal);
    let then = Screen::open()
        .and_then(|mut screen| {
            watch(&mut screen.terminal, &mut stepper, look, &interrupted)
        })
        .map_err(|error| {
            Error::Failure(format!("the terminal does not obey: {error}; try --plain"))
        })?;
    match then {
        Then::Interrupt => {
            Err(Error::Companion(u8::try_from(interrupt::STATUS).unwrap_or(1)))
        }
        _ => Ok(()),
    }
}

/// Whoever shows the recording has to leave; if they cannot, the process ends anyway.
fn listen_for_signals(interrupted: Arc<AtomicBool>) -> Result<(), Error> {
    let leave = move || {
        interrupted.store(true, Ordering::SeqCst);
        thread::sleep(GRACE);
        drop(disable_raw_mode());
        process::exit(interrupt::STATUS);
    };
    interrupt::on_interrupt(leave)
}

/// When the terminal is gone, so is this process. (crossterm would read it for ever:
/// crossterm-rs/crossterm#793.)
#[cfg(unix)]
fn end_with_the_terminal() {
    use rustix::event::{PollFd, PollFlags, poll};

    let terminal = io::stdout();
    // Without a wish, there is an answer only when it hangs up.
    let mut asked = [PollFd::new(&terminal, PollFlags::empty())];
    while poll(&mut asked, None) == Err(rustix::io::Errno::INTR) {}
    if asked[0].revents().contains(PollFlags::HUP) {
        process::exit(interrupt::STATUS);
    }
}

#[cfg(not(unix))]
fn end_with_the_terminal() {}

fn watch(
    terminal: &mut DefaultTerminal,
    stepper: &mut Stepper,
    look: Look,
    interrupted: &AtomicBool,
) -> io::Result<Then> {
    let mut shown = Instant::now();
    loop {
        terminal.draw(|frame| screen::draw(frame, stepper, look))?;
        match hear(stepper, shown, interrupted)? {
            Then::Stay => {}
            // `Terminal::clear` would ask the terminal for the cursor, and wait.
            Then::Redraw => {
                terminal.resize(Rect::from((Position::ORIGIN, terminal.size()?)))?;
            }
            end => return Ok(end),
        }
        if stepper.pace().is_some_and(|pace| shown.elapsed() >= pace) {
            stepper.tick();
            shown = Instant::now();
        }
    }
}

/// Waits for a key, for the next step, or for a signal.
fn hear(
    stepper: &mut Stepper,
    shown: Instant,
    interrupted: &AtomicBool,
) -> io::Result<Then> {
    loop {
        if interrupted.load(Ordering::SeqCst) {
            return Ok(Then::Interrupt);
        }
        let left = stepper.pace().map(|pace| pace.saturating_sub(shown.elapsed()));
        if left == Some(Duration::ZERO) {
            return Ok(Then::Stay);
        }
        if event::poll(LOOK_UP.min(left.unwrap_or(LOOK_UP)))? {
            return Ok(match event::read()? {
                Event::Key(key) if key.kind != KeyEventKind::Release => {
                    stepper.press(key)
                }
                _ => Then::Stay,
            });
        }
    }
}
