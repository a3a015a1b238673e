//! The terminal: taken over, listened to, and given back as it was.

use std::io;
use std::process;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use lineage::error::Error;
use lineage::interrupt;
use lineage::suspend::Suspension;
use ratatui::DefaultTerminal;
use ratatui::backend::Backend;
use ratatui::crossterm::event::{self, Event, KeyEventKind};
use ratatui::crossterm::execute;
use ratatui::crossterm::terminal::{
    EnterAlternateScreen, disable_raw_mode, enable_raw_mode,
};
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

    /// Gives the terminal back, stops the process, and takes it again once the process goes
    /// on: `suspension` will say so.
    fn suspend(&mut self, suspension: &Suspension) -> io::Result<()> {
        self.terminal.show_cursor()?;
        ratatui::try_restore()?;
        suspension.stop()
    }

    /// Takes the terminal over again, and draws everything anew.
    fn resume(&mut self) -> io::Result<()> {
        enable_raw_mode()?;
        execute!(io::stdout(), EnterAlternateScreen)?;
        self.redraw()
    }

    /// `Terminal::clear` would ask the terminal for the cursor, and wait.
    fn redraw(&mut self) -> io::Result<()> {
        let size = self.terminal.size()?;
        self.terminal.resize(Rect::from((Position::ORIGIN, size)))
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
    let then = Suspension::listen()
        .and_then(|suspension| {
            let asked = Asked { interrupted, suspension };
            watch(&mut Screen::open()?, &mut stepper, look, &asked)
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

/// What signals ask for.
struct Asked {
    interrupted: Arc<AtomicBool>,
    suspension: Suspension,
}

fn watch(
    screen: &mut Screen,
    stepper: &mut Stepper,
    look: Look,
    asked: &Asked,
) -> io::Result<Then> {
    let mut shown = Instant::now();
    loop {
        screen.terminal.draw(|frame| screen::draw(frame, stepper, look))?;
        match hear(stepper, shown, asked)? {
            Then::Stay => {}
            Then::Redraw => screen.redraw()?,
            Then::Suspend => screen.suspend(&asked.suspension)?,
            Then::Resume => screen.resume()?,
            end => return Ok(end),
        }
        if stepper.pace().is_some_and(|pace| shown.elapsed() >= pace) {
            stepper.tick();
            shown = Instant::now();
        }
    }
}

/// Waits for a key, for the next step, or for a signal.
fn hear(stepper: &mut Stepper, shown: Instant, asked: &Asked) -> io::Result<Then> {
    loop {
        if asked.interrupted.load(Ordering::SeqCst) {
            return Ok(Then::Interrupt);
        }
        if asked.suspension.is_wanted() {
            return Ok(Then::Suspend);
        }
        if asked.suspension.is_over() {
            return Ok(Then::Resume);
        }
        let left = stepper.pace().map(|pace| pace.saturating_sub(shown.elapsed()));
        if left == Some(Duration::ZERO) {
            return Ok(Then::Stay);
        }
        if event::poll(LOOK_UP.min(left.unwrap_or(LOOK_UP)))? {
            let then = match event::read()? {
                Event::Key(key) if key.kind != KeyEventKind::Release => {
                    stepper.press(key)
                }
                _ => Then::Stay,
            };
            if then != Then::Suspend {
                return Ok(then);
            }
            // Whoever waits for this process stops as well, or no shell would notice.
            Suspension::ask()?;
        }
    }
}
