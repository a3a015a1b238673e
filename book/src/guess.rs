//! `{{#guess}}` … `{{#guessed}}`: what stands between them answers a question, and is folded
//! until the reader has guessed. It works without scripts, and paper shows all of it.

/// What the first becomes. Between blank lines, so that Markdown goes on inside.
pub const OPEN: &str = "<details class=\"guess\">\n<summary>I have guessed</summary>\n";

/// What the second becomes.
pub const CLOSE: &str = "</details>\n";

/// Watches that each fold that is opened is closed, and none inside another.
#[derive(Debug, Default)]
pub struct Folds {
    /// The line of the one that is open.
    open: Option<usize>,
}

impl Folds {
    /// A fold begins on that line.
    ///
    /// # Errors
    ///
    /// One is open already.
    pub fn open(&mut self, line: usize) -> Result<(), String> {
        match self.open.replace(line) {
            None => Ok(()),
            Some(outer) => Err(format!("the guess of line {outer} is open: {CLOSES}")),
        }
    }

    /// It ends.
    ///
    /// # Errors
    ///
    /// None is open.
    pub fn close(&mut self) -> Result<(), String> {
        let open = self.open.take();
        open.map(drop).ok_or_else(|| "nothing to guess is open here".to_owned())
    }

    /// The line of one that the chapter leaves open, and what is wrong with that.
    pub fn left_open(self) -> Option<(usize, String)> {
        self.open.map(|line| (line, format!("the guess is never answered: {CLOSES}")))
    }
}

const CLOSES: &str = "{{#guessed}} closes it";
