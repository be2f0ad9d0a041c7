//! Chromium without a window, driven over its debugging protocol (`DevTools`): pages are opened, looked at and used as
//! a person would.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use data_encoding::BASE64;
use serde_json::{Value, json};
use tungstenite::{Message, WebSocket};

use crate::common::{folder, now};

/// A busy machine may take so long for anything; none of it takes nearly so long by itself.
const PATIENCE: Duration = Duration::from_secs(120);
/// Debian has the first of these names, others the others.
const NAMES: [&str; 3] = ["chromium", "chromium-browser", "google-chrome"];

/// A browser with one page.
pub struct Browser {
    child: Child,
    socket: WebSocket<TcpStream>,
    session: String,
    next: u64,
    /// Where it keeps what it knows, and puts what it downloads.
    folder: PathBuf,
    /// What pages complained about.
    complaints: Vec<String>,
}

/// How wide and high the window is.
#[derive(Debug, Clone, Copy)]
pub struct Window(pub u32, pub u32);

pub const DESKTOP: Window = Window(1280, 900);
pub const PHONE: Window = Window(390, 844);

impl Browser {
    /// Starts a browser that knows nothing from before.
    pub fn start() -> Self {
        let folder = folder();
        let mut child = NAMES
            .iter()
            .find_map(|name| command(name, &folder).spawn().ok())
            .unwrap_or_else(|| panic!("these tests need a browser, one of {NAMES:?}: `apt-get install chromium`"));
        let mut lines = BufReader::new(child.stderr.take().unwrap());
        let mut said = String::new();
        let url = loop {
            let from = said.len();
            let read = lines.read_line(&mut said).unwrap();
            if let Some(url) = said[from..].trim().strip_prefix("DevTools listening on ") {
                break url.to_owned();
            }
            assert!(read > 0, "Chromium did not start:\n{said}");
        };
        // It goes on talking, and would stop if nobody read that.
        std::thread::spawn(move || lines.read_to_end(&mut Vec::new()));
        let address = url.strip_prefix("ws://").and_then(|rest| rest.split('/').next()).unwrap();
        let stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let (socket, _) = tungstenite::client(url.as_str(), stream).unwrap();
        let mut browser = Self { child, socket, session: String::new(), next: 0, folder, complaints: Vec::new() };
        let target = browser.call("Target.createTarget", &json!({ "url": "about:blank" }));
        let attach = json!({ "targetId": target["targetId"], "flatten": true });
        let attached = browser.call("Target.attachToTarget", &attach);
        browser.session = attached["sessionId"].as_str().map(str::to_owned).unwrap();
        for domain in ["Page", "Runtime", "Log"] {
            browser.call(&format!("{domain}.enable"), &json!({}));
        }
        let downloads = json!({ "behavior": "allow", "downloadPath": browser.downloads() });
        browser.call("Browser.setDownloadBehavior", &downloads);
        browser
    }

    /// Where downloads go.
    pub fn downloads(&self) -> PathBuf {
        self.folder.join("downloads")
    }

    /// Goes to an address, as if it were typed.
    pub fn open(&mut self, url: &str) {
        // A change of the fragment alone would load nothing.
        self.call("Page.navigate", &json!({ "url": "about:blank" }));
        self.wait("location.href === 'about:blank'");
        self.call("Page.navigate", &json!({ "url": url }));
        self.wait("location.href !== 'about:blank' && document.readyState === 'complete'");
    }

    /// Makes the window so large, in light or dark.
    pub fn size(&mut self, window: Window, dark: bool) {
        let Window(width, height) = window;
        let phone = width < 600;
        let metrics = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": phone });
        self.call("Emulation.setDeviceMetricsOverride", &metrics);
        let scheme = json!({ "name": "prefers-color-scheme", "value": if dark { "dark" } else { "light" } });
        self.call("Emulation.setEmulatedMedia", &json!({ "features": [scheme] }));
    }

    /// What an expression of the page is.
    #[track_caller]
    pub fn eval(&mut self, expression: &str) -> Value {
        let question = json!({ "expression": expression, "returnByValue": true, "awaitPromise": true });
        let answer = self.call("Runtime.evaluate", &question);
        assert!(answer.get("exceptionDetails").is_none(), "{expression}\n{answer}");
        answer["result"]["value"].clone()
    }

    /// The text of an element.
    #[track_caller]
    pub fn text(&mut self, selector: &str) -> String {
        let found = self.eval(&format!("document.querySelector({})?.textContent ?? null", json!(selector)));
        found.as_str().unwrap_or_else(|| panic!("nothing is {selector}")).to_owned()
    }

    /// Waits until an expression of the page is true.
    #[track_caller]
    pub fn wait(&mut self, expression: &str) {
        let until = now() + PATIENCE;
        loop {
            // A page that is left while it waits can't answer; the next one is asked again.
            let question = format!(
                "new Promise((done) => {{ const end = Date.now() + 2000; const look = () => {{ \
                 let is = false; try {{ is = Boolean({expression}); }} catch {{}} \
                 if (is || Date.now() > end) done(is); else setTimeout(look, 20); }}; look(); }})"
            );
            let question = json!({ "expression": question, "returnByValue": true, "awaitPromise": true });
            if self.asked("Runtime.evaluate", &question).is_ok_and(|answer| answer["result"]["value"] == true) {
                return;
            }
            if now() > until {
                let text = self.eval("document.body ? document.body.innerText : ''");
                panic!(
                    "this never came to be: {expression}\n{}\n{:?}",
                    text.as_str().unwrap_or_default(),
                    self.complaints
                );
            }
        }
    }

    /// Presses a key.
    pub fn press(&mut self, key: &str, code: u32) {
        for kind in ["keyDown", "keyUp"] {
            let mut event = json!({ "type": kind, "key": key, "code": key, "windowsVirtualKeyCode": code });
            if key == "Enter" && kind == "keyDown" {
                event["text"] = json!("\r");
            }
            self.call("Input.dispatchKeyEvent", &event);
        }
    }

    /// Types a text where the focus is.
    pub fn write(&mut self, text: &str) {
        self.call("Input.insertText", &json!({ "text": text }));
    }

    /// Clicks the middle of an element, wherever it is on the page.
    #[track_caller]
    pub fn click(&mut self, selector: &str) {
        self.click_at(selector, 0.5);
    }

    /// Clicks an element at this share of its width.
    #[track_caller]
    pub fn click_at(&mut self, selector: &str, share: f64) {
        let place = self.eval(&format!(
            "(() => {{ const node = document.querySelector({}); node.scrollIntoView({{ block: 'center' }}); \
             const box = node.getBoundingClientRect(); return [box.x + box.width * {share}, box.y + box.height / 2]; }})()",
            json!(selector)
        ));
        for kind in ["mousePressed", "mouseReleased"] {
            let event = json!({ "type": kind, "x": place[0], "y": place[1], "button": "left", "clickCount": 1 });
            self.call("Input.dispatchMouseEvent", &event);
        }
    }

    /// Writes a picture of the whole page, for people to look at.
    pub fn picture(&mut self, name: &str) -> PathBuf {
        let options = json!({ "format": "png", "captureBeyondViewport": true });
        let data = self.call("Page.captureScreenshot", &options)["data"].as_str().unwrap().to_owned();
        let folder = pictures();
        fs::create_dir_all(&folder).unwrap();
        let file = folder.join(format!("{name}.png"));
        fs::write(&file, BASE64.decode(data.as_bytes()).unwrap()).unwrap();
        file
    }

    /// Fails where the page complained: errors in its script, what it could not load, what its policy forbids.
    #[track_caller]
    pub fn no_complaints(&mut self) {
        // Whatever it has to say until now has come when it answers.
        self.eval("1");
        assert!(self.complaints.is_empty(), "{:#?}", self.complaints);
    }

    #[track_caller]
    fn call(&mut self, method: &str, parameters: &Value) -> Value {
        self.asked(method, parameters).unwrap_or_else(|error| panic!("{method}: {error}"))
    }

    /// Calls a method, and hears what happens meanwhile.
    fn asked(&mut self, method: &str, parameters: &Value) -> Result<Value, Value> {
        self.next += 1;
        let mut call = json!({ "id": self.next, "method": method, "params": parameters });
        if !self.session.is_empty() && !method.starts_with("Browser.") {
            call["sessionId"] = json!(self.session);
        }
        self.socket.send(Message::text(call.to_string())).unwrap();
        loop {
            let message = self.socket.read().unwrap_or_else(|error| panic!("{method}: Chromium is silent: {error}"));
            let Message::Text(text) = message else { continue };
            let mut message: Value = serde_json::from_str(&text).unwrap();
            if message["id"] == self.next {
                return if message["error"].is_null() {
                    Ok(message["result"].take())
                } else {
                    Err(message["error"].take())
                };
            }
            self.hear(&message);
        }
    }

    fn hear(&mut self, event: &Value) {
        let parameters = &event["params"];
        let complaint = match event["method"].as_str().unwrap_or_default() {
            "Runtime.exceptionThrown" => Some(&parameters["exceptionDetails"]),
            "Runtime.consoleAPICalled"
                if ["error", "warning", "assert"].iter().any(|kind| parameters["type"] == *kind) =>
            {
                Some(&parameters["args"])
            }
            "Log.entryAdded" if parameters["entry"]["level"] == "error" => Some(&parameters["entry"]),
            "Page.javascriptDialogOpening" => Some(parameters),
            _ => None,
        };
        self.complaints.extend(complaint.map(Value::to_string));
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // The processes that it started go with it.
        let _ = self.socket.send(Message::text(json!({ "id": 0, "method": "Browser.close" }).to_string()));
        let until = now() + Duration::from_secs(10);
        while self.child.try_wait().is_ok_and(|ended| ended.is_none()) && now() < until {
            std::thread::sleep(Duration::from_millis(20));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// Where pictures go: `PLIMSOLL_PICTURES`, or a folder of the build.
pub fn pictures() -> PathBuf {
    std::env::var_os("PLIMSOLL_PICTURES")
        .map_or_else(|| Path::new(env!("CARGO_TARGET_TMPDIR")).join("pictures"), PathBuf::from)
}

fn command(name: &str, folder: &Path) -> Command {
    let mut command = Command::new(name);
    command
        .args(["--headless", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars", "--no-first-run"])
        .args(["--disable-background-networking", "--disable-component-update", "--disable-sync", "--mute-audio"])
        .args(["--no-default-browser-check", "--password-store=basic", "--remote-debugging-port=0"])
        .arg(format!("--user-data-dir={}", folder.join("profile").display()))
        .arg("about:blank")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped());
    if rustix::process::geteuid().is_root() {
        // Its sandbox needs a user who is not root.
        command.arg("--no-sandbox");
    }
    command
}
