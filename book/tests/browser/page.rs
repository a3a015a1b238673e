//! What one does at a page: open it, look at it, press keys.

use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

use crate::Answer;
use crate::chromium::Chromium;

/// A phone's width, in pixels.
pub(crate) const NARROW: u32 = 360;
/// A screen's, where mdBook shows its table of contents.
pub(crate) const WIDE: u32 = 1280;

impl Chromium {
    /// Opens a page as if for the first time, and waits until it has come to rest. What went
    /// wrong on the way is for [`complaints`](Self::complaints).
    pub(crate) fn open(&mut self, url: &str) -> Answer<()> {
        self.go("about:blank")?;
        self.events();
        self.go(url)?;
        self.settle()
    }

    fn go(&mut self, url: &str) -> Answer<()> {
        self.forget("Page.loadEventFired");
        let answer = self.call("Page.navigate", json!({"url": url}))?;
        if let Some(error) = answer["errorText"].as_str() {
            return Err(format!("{url}: {error}"));
        }
        self.wait_for("Page.loadEventFired")
    }

    /// As [`open`](Self::open), where no script will run that could wait for anything.
    pub(crate) fn open_still(&mut self, url: &str) -> Answer<()> {
        self.go("about:blank")?;
        self.go(url)
    }

    /// Waits until a script answers with something.
    pub(crate) fn wait_until(&mut self, script: &str) -> Answer<()> {
        for _ in 0..100 {
            if self.is(script)? {
                return Ok(());
            }
            thread::sleep(Duration::from_millis(50));
        }
        Err(format!("waited in vain for {script}"))
    }

    /// Two frames: the first has what scripts have changed, the second what that caused.
    pub(crate) fn settle(&mut self) -> Answer<()> {
        let frames = "new Promise(then => requestAnimationFrame(() => \
                      requestAnimationFrame(() => then(true))))";
        self.evaluate(frames).map(drop)
    }

    /// What a script is worth on this page.
    pub(crate) fn evaluate(&mut self, script: &str) -> Answer<Value> {
        let params =
            json!({"expression": script, "awaitPromise": true, "returnByValue": true});
        let mut answer = self.call("Runtime.evaluate", params)?;
        let thrown = &answer["exceptionDetails"];
        if thrown.is_null() {
            return Ok(answer["result"]["value"].take());
        }
        Err(format!("{}: {}", thrown["text"], thrown["exception"]["description"]))
    }

    /// The lines that a script answers with.
    pub(crate) fn lines(&mut self, script: &str) -> Answer<Vec<String>> {
        let value = self.evaluate(script)?;
        serde_json::from_value(value).map_err(|error| format!("not lines: {error}"))
    }

    /// The text that a script answers with.
    pub(crate) fn text(&mut self, script: &str) -> Answer<String> {
        let value = self.evaluate(script)?;
        value.as_str().map(str::to_owned).ok_or_else(|| format!("not a text: {value}"))
    }

    /// Whether a script answers with something.
    pub(crate) fn is(&mut self, script: &str) -> Answer<bool> {
        Ok(self.evaluate(&format!("Boolean({script})"))? == json!(true))
    }

    /// Presses a key and lets go of it.
    pub(crate) fn press(&mut self, key: &str) -> Answer<()> {
        let (text, code) = match key {
            "Enter" => ("\r", 13),
            " " => (" ", 32),
            "Tab" => ("", 9),
            "End" => ("", 35),
            "Home" => ("", 36),
            "ArrowLeft" => ("", 37),
            "ArrowRight" => ("", 39),
            "ArrowDown" => ("", 40),
            letter => (letter, u32::from(letter.to_uppercase().as_bytes()[0])),
        };
        let kind = if text.is_empty() { "rawKeyDown" } else { "keyDown" };
        let mut event = json!({"type": kind, "key": key, "windowsVirtualKeyCode": code});
        if !text.is_empty() {
            event["text"] = json!(text);
        }
        self.call("Input.dispatchKeyEvent", event.clone())?;
        event["type"] = json!("keyUp");
        self.call("Input.dispatchKeyEvent", event).map(drop)
    }

    /// What the mouse does at a place of the window: `mousePressed`, `mouseMoved`, `mouseReleased`.
    pub(crate) fn mouse(&mut self, does: &str, [x, y]: [f64; 2]) -> Answer<()> {
        let held = i32::from(does != "mouseReleased");
        let event = json!({"type": does, "x": x, "y": y, "button": "left", "buttons": held,
            "clickCount": 1});
        self.call("Input.dispatchMouseEvent", event).map(drop)
    }

    /// What a finger does there: `touchStart`, `touchMove`, `touchEnd`, `touchCancel`.
    pub(crate) fn finger(&mut self, does: &str, [x, y]: [f64; 2]) -> Answer<()> {
        let is_gone = matches!(does, "touchEnd" | "touchCancel");
        let points = if is_gone { json!([]) } else { json!([{"x": x, "y": y}]) };
        let event = json!({"type": does, "touchPoints": points});
        self.call("Input.dispatchTouchEvent", event).map(drop)
    }

    /// Presses Tab until what has the focus is of that kind.
    pub(crate) fn tab_to(&mut self, selector: &str) -> Answer<()> {
        let is_there = format!("document.activeElement.matches({selector:?})");
        for _ in 0..1000 {
            self.press("Tab")?;
            if self.is(&is_there)? {
                return Ok(());
            }
        }
        Err(format!("Tab does not lead to {selector}"))
    }

    /// How wide the window is.
    pub(crate) fn width(&mut self, width: u32) -> Answer<()> {
        let size = json!({"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": false});
        self.call("Emulation.setDeviceMetricsOverride", size).map(drop)
    }

    /// Whether pages may run scripts.
    pub(crate) fn scripts(&mut self, are_on: bool) -> Answer<()> {
        let off = json!({"value": !are_on});
        self.call("Emulation.setScriptExecutionDisabled", off).map(drop)
    }

    /// `print` or, again, `screen`.
    pub(crate) fn medium(&mut self, medium: &str) -> Answer<()> {
        self.call("Emulation.setEmulatedMedia", json!({"media": medium})).map(drop)
    }

    /// `light`, `dark` or, again, nothing in particular.
    pub(crate) fn prefer(&mut self, scheme: &str) -> Answer<()> {
        let features = json!([{"name": "prefers-color-scheme", "value": scheme}]);
        self.call("Emulation.setEmulatedMedia", json!({"features": features})).map(drop)
    }

    /// What has gone wrong since the page was opened: requests that left this machine, or
    /// failed; errors that scripts threw or logged.
    pub(crate) fn complaints(&mut self) -> Vec<String> {
        self.events().iter().filter_map(complaint).collect()
    }
}

fn complaint(event: &Value) -> Option<String> {
    let it = &event["params"];
    match event["method"].as_str()? {
        "Network.requestWillBeSent" => {
            let url = it["request"]["url"].as_str()?;
            let is_here = ["file:", "data:", "blob:", "about:"];
            let is_remote = !is_here.iter().any(|scheme| url.starts_with(scheme));
            is_remote.then(|| format!("asks for {url}"))
        }
        "Network.responseReceived" => {
            let (status, url) =
                (it["response"]["status"].as_u64()?, &it["response"]["url"]);
            (status >= 400).then(|| format!("{url} answers {status}"))
        }
        "Network.loadingFailed" => Some(format!("cannot load: {}", it["errorText"])),
        "Runtime.exceptionThrown" => {
            let details = &it["exceptionDetails"];
            Some(format!("{} {}", details["text"], details["exception"]["description"]))
        }
        "Runtime.consoleAPICalled" if it["type"] == "error" => {
            Some(format!("console.error({})", it["args"]))
        }
        "Log.entryAdded" if it["entry"]["level"] == "error" => {
            Some(format!("{} {}", it["entry"]["text"], it["entry"]["url"]))
        }
        _ => None,
    }
}
