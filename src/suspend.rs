//! Ctrl-Z: whoever has changed the terminal gives it back before the process stops, and
//! takes it again when the process goes on.

#[cfg(unix)]
pub use unix::Suspension;

#[cfg(not(unix))]
pub use elsewhere::Suspension;

#[cfg(unix)]
mod unix {
    use std::io;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};

    use rustix::process::{Signal, kill_current_process_group};
    use signal_hook::consts::{SIGCONT, SIGTSTP};
    use signal_hook::{flag, low_level};

    /// For a program that looks up every now and then: was it asked to stop, and has it gone
    /// on since?
    #[derive(Debug)]
    pub struct Suspension {
        /// Set by SIGTSTP; taken by [`is_wanted`](Self::is_wanted).
        wanted: Arc<AtomicBool>,
        /// Set by SIGCONT; taken by [`is_over`](Self::is_over).
        over: Arc<AtomicBool>,
    }

    impl Suspension {
        /// Begins to listen. From here on, SIGTSTP stops nobody by itself.
        ///
        /// # Errors
        ///
        /// Fails where the system lets nobody handle signals.
        pub fn listen() -> io::Result<Self> {
            let this = Self { wanted: Arc::default(), over: Arc::default() };
            flag::register(SIGTSTP, Arc::clone(&this.wanted))?;
            flag::register(SIGCONT, Arc::clone(&this.over))?;
            Ok(this)
        }

        /// Asks this process and its companions to stop, as a terminal does at a Ctrl-Z that
        /// nobody reads as a key.
        ///
        /// # Errors
        ///
        /// What the system answers.
        pub fn ask() -> io::Result<()> {
            Ok(kill_current_process_group(Signal::TSTP)?)
        }

        /// Whether it is time to give the terminal back, and then to [`stop`](Self::stop).
        pub fn is_wanted(&self) -> bool {
            self.wanted.swap(false, Ordering::SeqCst)
        }

        /// Stops this process, until somebody has it go on.
        ///
        /// # Errors
        ///
        /// What the system answers.
        pub fn stop(&self) -> io::Result<()> {
            low_level::emulate_default_handler(SIGTSTP)
        }

        /// Whether the process was stopped and goes on: whatever was done to the terminal
        /// has to be done again.
        pub fn is_over(&self) -> bool {
            self.over.swap(false, Ordering::SeqCst)
        }
    }
}

#[cfg(not(unix))]
mod elsewhere {
    use std::io;

    /// Where there is no Ctrl-Z, nobody is ever asked to stop.
    #[derive(Debug)]
    pub struct Suspension;

    #[allow(missing_docs, clippy::missing_errors_doc, reason = "as on Unix")]
    impl Suspension {
        pub fn listen() -> io::Result<Self> {
            Ok(Self)
        }

        pub fn ask() -> io::Result<()> {
            Ok(())
        }

        pub fn is_wanted(&self) -> bool {
            false
        }

        pub fn stop(&self) -> io::Result<()> {
            Ok(())
        }

        pub fn is_over(&self) -> bool {
            false
        }
    }
}
