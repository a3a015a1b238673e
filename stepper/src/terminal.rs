//! The terminal: taken over, listened to, and given back as it was.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use lineage::error::Error;
use lineage::interrupt;
use ratatui::DefaultTerminal;
use ratatui::crossterm::event::{self, Event, KeyEventKind};
use ratatui::crossterm::terminal::disable_raw_mode;

use crate::screen::{self, Look};
use crate::stepper::{Stepper, Then};

/// How soon a signal is noticed.
const LOOK_UP: Duration = Duration::from_millis(100);

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
        if !thread::panicking() {
            // Some terminals keep a line of what is not cleared, after a resize.
            drop(self.terminal.clear());
            ratatui::restore();
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
    let tell = Arc::clone(&interrupted);
    ctrlc::set_handler(move || tell.store(true, Ordering::SeqCst))
        .map_err(|error| Error::Failure(format!("cannot wait for Ctrl-C: {error}")))?;
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
            Then::Redraw => terminal.clear()?,
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
