//! Each sentence that `doctor` can say, and `test-alert` beside it, and the fault that makes it say so.

use std::any::Any;
use std::cell::RefCell;
use std::collections::BTreeSet;
use std::net::TcpListener;
use std::path::Path;
use std::time::Duration;

use auto_operator::demo::Fault;
use auto_operator::diagnosis::{Party, Remedy};
use futures_util::future::LocalBoxFuture;
use futures_util::{FutureExt, StreamExt, stream};

use super::{of_channels, of_home, of_notion, patient, words};
use crate::support::{Ended, Home};

const OPENAI: Party =
    Party { name: "OpenAI", address: "OPENAI_BASE_URL", status_page: Some("https://status.openai.com") };

/// What was said so far.
#[derive(Default)]
pub struct Heard {
    /// The names of the variants.
    remedies: RefCell<BTreeSet<String>>,
    lines: RefCell<BTreeSet<String>>,
}

impl Heard {
    /// Somebody to whom something in `line` is said, and nothing is to be done.
    pub fn in_order<'h, K: Any>(
        &'h self,
        line: &'h str,
        change: impl FnOnce(&mut Home) -> K + 'h,
    ) -> LocalBoxFuture<'h, ()> {
        async move {
            let mut home = patient();
            let _kept = change(&mut home);
            let ended = home.run(&["doctor"]).await;
            assert!(ended.stdout.contains(line), "no {line:?} in\n{}", ended.said());
            self.expect(&ended, &[]);
        }
        .boxed_local()
    }

    /// A patient with one fault: below `line` stands what to do about it, and nothing else is to be done.
    pub fn of<'h, K: Any>(
        &'h self,
        line: &'h str,
        remedy: Remedy,
        harm: impl FnOnce(&mut Home) -> K + 'h,
    ) -> LocalBoxFuture<'h, ()> {
        self.of_all(vec![(line, remedy)], harm)
    }

    /// The same of a fault that shows in several ways.
    pub fn of_all<'h, K: Any>(
        &'h self,
        expected: Vec<(&'h str, Remedy)>,
        harm: impl FnOnce(&mut Home) -> K + 'h,
    ) -> LocalBoxFuture<'h, ()> {
        self.of_command(&["doctor"], expected, harm)
    }

    /// The same of another command.
    pub fn of_command<'h, K: Any>(
        &'h self,
        command: &'h [&'h str],
        expected: Vec<(&'h str, Remedy)>,
        harm: impl FnOnce(&mut Home) -> K + 'h,
    ) -> LocalBoxFuture<'h, ()> {
        async move {
            let mut home = patient();
            let _kept = harm(&mut home);
            self.expect(&home.run(command).await, &expected);
        }
        .boxed_local()
    }

    /// Takes in what was said, whatever it is.
    pub fn listen(&self, ended: &Ended) {
        self.lines.borrow_mut().extend(ended.stdout.lines().map(str::to_owned));
    }

    /// What to do stands below these lines, and there is nothing else to do.
    pub fn expect(&self, ended: &Ended, expected: &[(&str, Remedy)]) {
        self.listen(ended);
        let lines: Vec<_> = ended.stdout.lines().collect();
        let said = lines.windows(2).filter(|pair| pair[1].starts_with("      "));
        let said: Vec<_> = said.map(|pair| (pair[0], pair[1].trim_start().to_owned())).collect();
        assert_eq!(said.len(), expected.len(), "{}", ended.said());
        for ((line, sentence), (start, remedy)) in said.iter().zip(expected) {
            let label = if start.starts_with("ok") { "Hint" } else { "Do this" };
            assert_eq!(sentence, &format!("{label}: {remedy}"), "{}", ended.said());
            assert!(line.starts_with(start), "not below {start:?}:\n{}", ended.said());
            self.remedies.borrow_mut().insert(variant(remedy));
        }
        let failed = expected.iter().any(|(line, _)| line.starts_with("fail"));
        assert_eq!(ended.code, Some(i32::from(failed)), "{}", ended.said());
    }
}

fn variant(remedy: &Remedy) -> String {
    format!("{remedy:?}").chars().take_while(|letter| letter.is_alphanumeric()).collect()
}

/// The variants of `Remedy`, as its source has them.
fn all_variants() -> BTreeSet<String> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/diagnosis/remedy.rs");
    let source = std::fs::read_to_string(file).unwrap();
    let body = source.split("pub enum Remedy {\n").nth(1).unwrap().split("\n}\n").next().unwrap();
    let names = body.lines().filter_map(|line| line.strip_prefix("    "));
    let names = names.filter(|line| line.starts_with(|letter: char| letter.is_ascii_uppercase()));
    names.map(|line| line.chars().take_while(|letter| letter.is_alphanumeric()).collect()).collect()
}

#[actix_rt::test]
async fn each_sentence_is_said_when_its_fault_is_there_and_none_is_left_untested() {
    let heard = Heard::default();
    let cases = [
        of_every_party(&heard),
        of_openai(&heard),
        of_notion::of_notion(&heard),
        of_notion::of_jobs(&heard),
        of_channels::of_telegram(&heard),
        of_channels::of_email(&heard),
        of_home::of_database(&heard),
        of_home::of_host_and_settings(&heard),
    ];
    stream::iter(cases.into_iter().flatten()).buffer_unordered(4).collect::<Vec<_>>().await;
    let all = all_variants();
    assert!(all.len() > 40, "they are still found: {all:?}");
    let never = all.difference(&heard.remedies.borrow()).cloned().collect::<Vec<_>>();
    assert_eq!(never, Vec::<String>::new(), "nobody has heard these");
    let never = words::unheard(&heard.lines.borrow());
    assert_eq!(never, Vec::<String>::new(), "nobody has heard these words");
}

/// Patients, each with a fault.
pub type Cases<'h> = Vec<LocalBoxFuture<'h, ()>>;

fn of_every_party(heard: &Heard) -> Cases<'_> {
    let closed = |home: &mut Home| {
        let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        home.set("OPENAI_BASE_URL", &format!("http://{closed}/v1"));
    };
    let soon = |home: &mut Home| home.set("REQUEST_TIMEOUT", "400ms");
    vec![
        heard.of("fail  openai  ", Remedy::Unreachable(OPENAI), closed),
        heard.of("fail  openai  ", Remedy::Slow(OPENAI), move |home| {
            soon(home);
            home.world.openai.set_fault(Some(Fault::Hang));
        }),
        heard.of("fail  openai  ", Remedy::Encryption(OPENAI), |home| {
            let url = home.world.openai.url().replace("http://", "https://");
            home.set("OPENAI_BASE_URL", &url);
        }),
        heard.of("fail  openai  ", Remedy::TheirTrouble(OPENAI), |home| home.world.openai.goes_down()),
        heard.of("fail  openai  ", Remedy::TooMany { wait: Some(Duration::from_secs(35)) }, |home| {
            home.world.openai.rate_limited(35);
        }),
        heard.of("fail  openai  ", Remedy::TooMany { wait: None }, |home| {
            home.world.openai.set_fault(Some(Fault::Status { code: 429, retry_after: None, body: None }));
        }),
        heard.of("fail  openai  ", Remedy::Misaddressed(OPENAI), |home| {
            home.world.openai.set_fault(Some(Fault::Html { code: 200 }));
        }),
        heard.of("fail  openai  ", Remedy::Misaddressed(OPENAI), |home| {
            let url = home.world.openai.url().replace("/v1", "");
            home.set("OPENAI_BASE_URL", &url);
        }),
        heard.of("fail  notion  ", Remedy::TheirTrouble(Party::NOTION), |home| {
            home.world.notion.set_fault(Some(Fault::status(503)));
        }),
        heard.of("fail  notion  ", Remedy::Slow(Party::NOTION), move |home| {
            soon(home);
            home.world.notion.set_fault(Some(Fault::Hang));
        }),
        heard.of(
            "fail  telegram  ",
            Remedy::Unreachable(Party { name: "Telegram", address: "TELEGRAM_API_URL", status_page: None }),
            |home| home.world.telegram.set_fault(Some(Fault::Reset)),
        ),
    ]
}

fn of_openai(heard: &Heard) -> Cases<'_> {
    let chat = |home: &mut Home| home.set("OPENAI_PROBE", "chat");
    let there = ["gpt-6-luna", "gpt-4o", "gpt-5"].map(str::to_owned).to_vec();
    vec![
        heard.of("fail  openai  ", Remedy::OpenAiKey { variable: "OPENAI_API_KEY" }, |home| {
            home.world.openai.revoke_key();
        }),
        heard.of("fail  openai  ", Remedy::OpenAiKey { variable: "AI_INTEGRATIONS_OPENAI_API_KEY" }, |home| {
            home.unset(&["OPENAI_API_KEY", "OPENAI_BASE_URL"]);
            home.set("AI_INTEGRATIONS_OPENAI_API_KEY", "sk-of-another-day");
            home.set("AI_INTEGRATIONS_OPENAI_BASE_URL", &home.world.openai.url());
        }),
        heard.of_all(
            vec![
                ("fail  openai  ", Remedy::OpenAiKey { variable: "OPENAI_API_KEY" }),
                ("fail  notion  ", Remedy::NotionToken),
            ],
            |home| {
                home.world.openai.revoke_key();
                home.world.notion.revoke_token();
            },
        ),
        heard.in_order("a few words of gpt-4o-mini → answers", move |home| {
            chat(home);
            home.world.openai.announce_shutdown("gpt-4o-mini", None);
        }),
        heard.of("fail  openai  ", Remedy::OpenAiForbidden, |home| {
            home.world.openai.set_fault(Some(Fault::status(403)));
        }),
        heard.of("fail  openai:model  ", Remedy::OpenAiMoney, move |home| {
            chat(home);
            home.world.openai.announce_shutdown("gpt-4o-mini", None);
            home.world.openai.quota_exhausted();
        }),
        heard.of("fail  openai:model  ", Remedy::OpenAiModel { there }, move |home| {
            chat(home);
            home.world.openai.retire_model("gpt-4o-mini");
        }),
        heard.of("fail  openai:model  ", Remedy::OpenAiModel { there: vec![] }, |home| {
            // Replit's proxy lists no models.
            home.unset(&["OPENAI_API_KEY", "OPENAI_BASE_URL"]);
            home.set("AI_INTEGRATIONS_OPENAI_API_KEY", "_DUMMY_API_KEY_");
            home.set("AI_INTEGRATIONS_OPENAI_BASE_URL", &home.world.openai.proxy_url());
            home.world.openai.retire_model("gpt-4o-mini");
        }),
        heard.of("warn  openai:model  ", Remedy::OpenAiRetires, move |home| {
            chat(home);
            home.world.openai.announce_shutdown("gpt-4o-mini", Some("2020-02-02"));
        }),
    ]
}
