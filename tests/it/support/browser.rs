//! A real browser: Debian's Chromium without a window, driven through its driver.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use fantoccini::elements::Element;
use fantoccini::{Client, ClientBuilder, Locator};
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

use super::SOON;

/// The flags of a browser that is nobody's, asks nobody and runs as root.
const FLAGS: [&str; 11] = [
    "--headless",
    "--hide-scrollbars",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--lang=en-GB",
];

/// A browser with a profile of its own.
pub struct Browser {
    client: Client,
    session: String,
    _driver: Child,
    _profile: TempDir,
}

impl Browser {
    /// Starts one.
    pub async fn start() -> Self {
        let profile = tempfile::tempdir().expect("a folder can be made");
        let mut driver = Command::new("chromedriver");
        driver.arg("--port=0").stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).kill_on_drop(true);
        let mut driver = driver.spawn().expect("chromedriver can be run: tests/run installs it");
        let mut lines = BufReader::new(driver.stdout.take().expect("stdout is a pipe")).lines();
        let port = loop {
            let line = tokio::time::timeout(SOON, lines.next_line()).await.expect("the driver says where it listens");
            let line = line.expect("what it says can be read").expect("it says where it listens");
            let port = line.rsplit("on port ").next().filter(|_| line.contains("successfully on port"));
            if let Some(port) = port {
                break port.trim_end_matches('.').to_owned();
            }
        };
        // Nobody is to wait for somebody who reads.
        actix_rt::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        let mut flags: Vec<String> = FLAGS.map(str::to_owned).to_vec();
        flags.push(format!("--user-data-dir={}", profile.path().display()));
        let capabilities = json!({
            "goog:chromeOptions": { "args": flags },
            "goog:loggingPrefs": { "browser": "ALL", "performance": "ALL" },
        });
        let capabilities = capabilities.as_object().expect("an object").clone();
        let address = format!("http://127.0.0.1:{port}");
        let client = ClientBuilder::new(HttpConnector::new()).capabilities(capabilities).connect(&address).await;
        let client = client.expect("Chromium starts");
        let id = client.session_id().await.expect("a session has an id").expect("a session has an id");
        let browser = Self { client, session: format!("{address}/session/{id}"), _driver: driver, _profile: profile };
        // What the browser's own first page asks for, of itself, is no business of the tests.
        browser.open("about:blank").await;
        browser.requests().await;
        browser.console().await;
        browser
    }

    /// Ends it in order.
    pub async fn close(self) {
        self.client.close().await.expect("the browser closes");
    }

    /// Goes to an address.
    pub async fn open(&self, url: &str) {
        self.client.goto(url).await.expect("the page can be opened");
    }

    /// Has the window be so large.
    pub async fn resize(&self, width: u32, height: u32) {
        let size = json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": false});
        self.devtools("Emulation.setDeviceMetricsOverride", size).await;
    }

    /// Has it prefer `dark` or `light`.
    pub async fn prefer(&self, scheme: &str) {
        let features = json!({"features": [{"name": "prefers-color-scheme", "value": scheme}]});
        self.devtools("Emulation.setEmulatedMedia", features).await;
    }

    /// Has it show what would be printed on a page of this width, for somebody who prefers the dark.
    pub async fn print(&self, width: u32) {
        self.resize(width, 1_000).await;
        let media = json!({"media": "print", "features": [{"name": "prefers-color-scheme", "value": "dark"}]});
        self.devtools("Emulation.setEmulatedMedia", media).await;
    }

    /// Has it be somewhere.
    pub async fn live_in(&self, zone: &str) {
        self.devtools("Emulation.setTimezoneOverride", json!({"timezoneId": zone})).await;
    }

    /// Presses the key that goes on to the next control.
    pub async fn tab(&self) {
        for kind in ["rawKeyDown", "keyUp"] {
            let key = json!({"type": kind, "key": "Tab", "code": "Tab", "windowsVirtualKeyCode": 9});
            self.devtools("Input.dispatchKeyEvent", key).await;
        }
    }

    /// Has somebody come back to the page, who is to see how it is now.
    pub async fn come_back(&self) {
        self.run("document.dispatchEvent(new Event('visibilitychange'))").await;
    }

    /// Loses a cookie.
    pub async fn lose_cookie(&self, name: &str) {
        self.client.delete_cookie(name).await.expect("a cookie can be lost");
    }

    /// Switches script off, or on.
    pub async fn without_script(&self, off: bool) {
        self.devtools("Emulation.setScriptExecutionDisabled", json!({"value": off})).await;
    }

    /// The element that a selector of CSS finds, once it is there.
    pub async fn find(&self, selector: &str) -> Element {
        let found = self.client.wait().at_most(SOON).for_element(Locator::Css(selector)).await;
        found.unwrap_or_else(|error| panic!("no {selector}: {error}"))
    }

    /// The text of an element, as it is seen.
    pub async fn text(&self, selector: &str) -> String {
        self.find(selector).await.text().await.expect("an element has a text")
    }

    /// How many elements a selector finds now.
    pub async fn count(&self, selector: &str) -> usize {
        self.client.find_all(Locator::Css(selector)).await.expect("the page can be searched").len()
    }

    /// Waits until a selector finds so many elements, and comes back to the page meanwhile.
    pub async fn wait_for_count(&self, selector: &str, wanted: usize) {
        let begun = std::time::Instant::now();
        while self.count(selector).await != wanted {
            assert!(begun.elapsed() < SOON, "there are not {wanted} of {selector}");
            self.come_back().await;
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Comes back to the page until the text of an element contains `wanted`.
    pub async fn comes_to(&self, selector: &str, wanted: &str) {
        let begun = std::time::Instant::now();
        loop {
            let shown = self.shown(selector).await;
            if shown.contains(wanted) {
                return;
            }
            assert!(begun.elapsed() < SOON, "{selector} does not come to {wanted:?}: {shown:?}");
            self.come_back().await;
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// The text of an element as it is now, if it is there.
    async fn shown(&self, selector: &str) -> String {
        match self.client.find(Locator::Css(selector)).await {
            Ok(element) => element.text().await.unwrap_or_default(),
            Err(_) => String::new(),
        }
    }

    /// Waits until the text of an element contains `wanted`.
    pub async fn wait_for(&self, selector: &str, wanted: &str) {
        let begun = std::time::Instant::now();
        loop {
            let shown = self.shown(selector).await;
            if shown.contains(wanted) {
                return;
            }
            assert!(begun.elapsed() < SOON, "{selector} does not say {wanted:?} but {shown:?}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Presses a button or follows a link, and waits for the page that comes of it.
    pub async fn press(&self, selector: &str) {
        self.find(selector).await.click().await.unwrap_or_else(|error| panic!("{selector}: {error}"));
    }

    /// Types into a field.
    pub async fn fill(&self, selector: &str, text: &str) {
        self.find(selector).await.send_keys(text).await.expect("a field can be filled");
    }

    /// What a function body of JavaScript returns.
    pub async fn run(&self, script: &str) -> Value {
        self.client.execute(script, vec![]).await.unwrap_or_else(|error| panic!("{script}: {error}"))
    }

    /// What axe-core finds: what is wrong, and where.
    pub async fn axe(&self) -> Vec<String> {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/axe/node_modules/axe-core/axe.min.js");
        let axe = std::fs::read_to_string(&path);
        let axe = axe.unwrap_or_else(|error| panic!("{}: {error}: tests/run installs axe-core", path.display()));
        let script = format!(
            "{axe}; const done = arguments[arguments.length - 1]; \
             axe.run(document).then((found) => done(found.violations), (error) => done([{{id: String(error), nodes: []}}]));"
        );
        let found = self.client.execute_async(&script, vec![]).await.expect("axe-core runs");
        let text = |violation: &Value| {
            let places: Vec<String> = violation["nodes"]
                .as_array()
                .into_iter()
                .flatten()
                .map(|node| format!("{} {} {}", node["target"], node["html"], node["failureSummary"]))
                .collect();
            format!("{}: {} {places:#?}", violation["id"], violation["help"])
        };
        found.as_array().expect("a list of violations").iter().map(text).collect()
    }

    /// What the console has said since it was last asked.
    pub async fn console(&self) -> Vec<String> {
        let lines = self.log("browser").await;
        lines.iter().map(|line| format!("{}: {}", line["level"], line["message"])).collect()
    }

    /// The addresses that were asked for since it was last asked.
    pub async fn requests(&self) -> Vec<String> {
        let lines = self.log("performance").await;
        let asked = lines.iter().filter_map(|line| {
            let event: Value = serde_json::from_str(line["message"].as_str()?).ok()?;
            let event = &event["message"];
            let is_request = event["method"] == "Network.requestWillBeSent";
            is_request.then(|| event["params"]["request"]["url"].as_str().unwrap_or_default().to_owned())
        });
        asked.collect()
    }

    /// Keeps a picture of the whole page.
    pub async fn picture(&self, name: &str) {
        let whole = json!({"format": "png", "captureBeyondViewport": true, "fromSurface": true});
        let picture = self.devtools("Page.captureScreenshot", whole).await;
        let picture = STANDARD.decode(picture["data"].as_str().expect("a picture")).expect("a picture is base64");
        let folder: PathBuf = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/screenshots");
        std::fs::create_dir_all(&folder).expect("a folder can be made");
        std::fs::write(folder.join(format!("{name}.png")), picture).expect("a picture can be kept");
    }

    async fn log(&self, kind: &str) -> Vec<Value> {
        let lines = self.post("se/log", &json!({ "type": kind })).await;
        lines.as_array().cloned().unwrap_or_default()
    }

    async fn devtools(&self, command: &str, parameters: Value) -> Value {
        self.post("goog/cdp/execute", &json!({"cmd": command, "params": parameters})).await
    }

    async fn post(&self, path: &str, body: &Value) -> Value {
        let client = awc::Client::builder().timeout(SOON).finish();
        let mut answer =
            client.post(format!("{}/{path}", self.session)).send_json(body).await.expect("the driver answers");
        let body = answer.body().limit(64 << 20).await.expect("the answer comes whole");
        let answer: Value = serde_json::from_slice(&body).expect("the driver speaks JSON");
        assert!(answer["value"]["error"].is_null(), "{path}: {answer:#}");
        answer["value"].clone()
    }
}
