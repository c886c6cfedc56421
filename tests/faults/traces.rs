//! Nothing of a person is left behind: after a run with known addresses, user agents and e-mail addresses, in every place
//! where a browser or a stranger can put one, neither logs nor spool, quarantine, metrics or store hold any of them.

use super::load::ALL;
use crate::http::{Answer, send};
use crate::sender::batch;
use crate::stack::{Stack, signal};
use std::fs;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

/// Addresses as a proxy names them, and as they would be looked for.
const ADDRESSES: [&str; 3] = ["203.0.113.77", "2001:db8:1234:5678:9abc:def0:1357:2468", "198.51.100.203"];
const USER_AGENT: &str = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.7339.207 \
                          Safari/537.36 Sporenzoeker/7.7.7";
/// What no e-mail address of the run lacks.
const PERSON: &str = "zoekmij";

/// What must not be found, as bytes in lower case.
fn secrets() -> Vec<Vec<u8>> {
    let mut secrets: Vec<Vec<u8>> = ["sporenzoeker", "applewebkit", "140.0.7339", PERSON, "googlebot-9"]
        .iter()
        .map(|text| text.as_bytes().to_vec())
        .collect();
    for address in ADDRESSES {
        secrets.push(address.as_bytes().to_vec());
        match address.parse().unwrap() {
            // As the store and the spool keep an IPv4 address.
            IpAddr::V4(v4) => secrets.push(v4.to_ipv6_mapped().octets().to_vec()),
            IpAddr::V6(v6) => secrets.push(v6.octets().to_vec()),
        }
    }
    secrets
}

fn find(content: &[u8], wanted: &[u8]) -> Option<usize> {
    content.windows(wanted.len()).position(|window| window == wanted)
}

fn assert_clean(place: &str, content: &[u8]) {
    let content = content.to_ascii_lowercase();
    for secret in secrets() {
        let secret = secret.to_ascii_lowercase();
        let at = find(&content, &secret);
        let around = at.map(|at| &content[at.saturating_sub(80)..content.len().min(at + 80)]);
        assert!(at.is_none(), "{place} holds {secret:?}: {:?}", around.map(String::from_utf8_lossy));
    }
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap());
    let found = entries.flat_map(|entry| match entry.file_type().unwrap() {
        kind if kind.is_dir() => files(&entry.path()),
        kind if kind.is_file() => vec![entry.path()],
        _ => Vec::new(),
    });
    found.collect()
}

/// Everything that is kept on disk, whatever it is, but for what is being written or removed at this moment.
fn assert_files_clean(stack: &Stack) {
    for file in files(&stack.data()) {
        if let Ok(content) = fs::read(&file) {
            assert_clean(&file.display().to_string(), &content);
        }
    }
    assert_clean("the log", stack.log().as_bytes());
}

/// A request as the proxy passes it on.
fn pass_on(
    stack: &Stack,
    method: &str,
    path: &str,
    more: &[(&str, &str)],
    body: &str,
    address: &str,
) -> Answer {
    let forwarded = format!("192.0.2.1, {address}");
    let mail = format!("https://localhost/?mail={PERSON}@post.example");
    let mut headers =
        vec![("x-forwarded-for", forwarded.as_str()), ("referer", &mail), ("content-type", "text/plain")];
    for (name, value) in [("user-agent", USER_AGENT), ("origin", "http://localhost")] {
        if !more.iter().any(|(given, _)| *given == name) {
            headers.push((name, value));
        }
    }
    headers.extend_from_slice(more);
    send(stack.public, method, path, &headers, body.as_bytes())
}

/// A batch whose every text names a person.
fn telling_batch(number: u64) -> String {
    let mail = format!("{PERSON}@post.example");
    let long = format!("{}/{mail}", "x".repeat(1_024 - PERSON.len() - 2));
    batch(number, &format!("/reset/{mail}/{PERSON}%40post.example/{PERSON}%2540post.example{long}"))
        .replace("A page", &format!("Mail of {mail} <{mail}>"))
        .replace("https://www.google.be/", &format!("https://{mail}@portal.example/u/{mail}?to={mail}#{mail}"))
        .replace("\"nl-BE\"", &format!("\"{mail}\""))
        .replace(
            "\"referrer\"",
            &format!(
                r#""campaign":{{"source":"{mail}","medium":"{mail}","name":"{mail}","term":"{mail}","content":"{mail}"}},"referrer""#
            ),
        )
}

/// Sends whatever a browser, a robot or a stranger may.
fn tell_everything(stack: &Stack, cookies: &str) {
    let mail = format!("{PERSON}@post.example");
    let post = |more: &[(&str, &str)], body: &str, address: &str| {
        pass_on(stack, "POST", "/kruimel/events", more, body, address).status
    };
    for (number, address) in (1..).zip(ADDRESSES) {
        assert_eq!(post(&[("cookie", cookies)], &telling_batch(number), address), 202);
    }
    let address = ADDRESSES[0];
    let forged = cookies.replace("%22analytics%22", &format!("%22{mail}%22"));
    let foreign = format!("https://{mail}");
    let robot = format!("Googlebot-9/2.1 ({mail})");
    assert_eq!(post(&[("cookie", &forged)], &telling_batch(9), address), 403);
    assert_eq!(post(&[("cookie", cookies), ("origin", &foreign)], &telling_batch(10), address), 403);
    assert_eq!(post(&[("cookie", cookies), ("user-agent", &robot)], &telling_batch(11), address), 202);
    assert_eq!(
        post(&[("cookie", cookies)], &telling_batch(12).replace("\"demo\"", &format!("\"{mail}\"")), address),
        422
    );
    assert_eq!(post(&[("cookie", cookies)], &mail, address), 422);
    let decision = format!(
        r#"{{"v":1,"site":"demo","action":"save","categories":["{mail}"],"revision":1,"text":"{mail}","language":"{mail}","surface":"notice"}}"#
    );
    assert_eq!(pass_on(stack, "POST", "/kruimel/consent", &[], &decision, address).status, 422);
    let decision = decision.replace(&format!("[\"{mail}\"]"), r#"["analytics"]"#);
    assert_eq!(pass_on(stack, "POST", "/kruimel/consent", &[], &decision, address).status, 200);
    for path in ["/kruimel/privacy", "/kruimel/cookies", "/kruimel/demo.js", "/kruimel/a", "/"] {
        let path = format!("{path}?site=demo&mail={mail}");
        pass_on(stack, "GET", &path, &[("cookie", cookies)], "", address);
        pass_on(stack, "GET", &path.replace('?', &format!("/{mail}?")), &[("cookie", &forged)], "", address);
        pass_on(stack, "POST", &path, &[("cookie", cookies)], &format!("token={mail}"), address);
    }
}

fn config() -> String {
    let listen = "data_dir = \"data\"\n[listen]\npublic = \"127.0.0.1:0\"\nadmin = \"127.0.0.1:0\"\n\
                  trusted_proxies = [\"127.0.0.1/32\"]\n";
    include_str!("../../collector/src/config/demo.toml").replace("[listen]\ndirect = true\n", listen)
}

#[test]
fn no_address_user_agent_or_e_mail_address_is_left_anywhere() {
    let stack = Stack::start_with_config(&config());
    let cookies = stack.decide("accept", &ALL, "").cookies();
    stack.await_drained();
    // While the engine stands still everything lies in the spool.
    let engine = stack.engine_process_id();
    signal(engine, "STOP");
    tell_everything(&stack, &cookies);
    assert_files_clean(&stack);
    // What is looked for was there.
    let redacted = |file: &PathBuf| find(&fs::read(file).unwrap(), b"[e-mail]").is_some();
    let segment = files(&stack.data().join("spool")).into_iter().find(redacted).unwrap();
    // Whatever is damaged goes to quarantine.
    signal(stack.process_id(), "KILL");
    signal(engine, "KILL");
    let mut bytes = fs::read(&segment).unwrap();
    let at = find(&bytes, b"[e-mail]").unwrap();
    bytes[at] ^= 1;
    fs::write(&segment, bytes).unwrap();

    let mut stack = stack.kill_and_restart();
    stack.await_drained();
    tell_everything(&stack, &cookies);
    // A display is counted.
    stack.text_hash();
    send(
        stack.admin,
        "GET",
        &format!("/?{PERSON}={PERSON}@post.example"),
        &[("user-agent", USER_AGENT)],
        b"",
    );
    assert!(stack.stop().success());
    let stack = stack.kill_and_restart();
    stack.await_drained();
    assert_eq!(files(&stack.data().join("spool/quarantine")).len(), 1);
    assert_files_clean(&stack);
    assert_clean("the metrics", stack.ask("/metrics").text().as_bytes());

    let tables =
        stack.texts("SELECT name FROM system.tables WHERE database = currentDatabase() ORDER BY name");
    let filled = ["consents", "displays", "events", "ledger_chain", "rejections"];
    for table in filled {
        assert!(tables.iter().any(|name| name == table), "{tables:?}");
    }
    for table in tables {
        let rows = stack.texts(&format!("SELECT formatRow('JSONEachRow', *) FROM {table}"));
        assert!(!rows.is_empty() || !filled.contains(&table.as_str()), "{table} is empty");
        assert_clean(&table, rows.concat().as_bytes());
    }
    let kept = stack.texts("SELECT toString(ip_truncated) FROM events GROUP BY ip_truncated ORDER BY 1");
    assert_eq!(kept, ["2001:db8:1234::", "::ffff:198.51.100.0", "::ffff:203.0.113.0"]);
}
