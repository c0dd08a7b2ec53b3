//! Other programs at the server's address, and servers that send malformed or malicious answers.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use gpupt::database::{Database, DatabaseError};
use gpupt::rocks::{AttributeSource, Cluster};
use pretty_assertions::assert_eq;

use crate::proxy::{Cut, Proxy};
use crate::support::RunOutput;
use crate::support::mariadb::MariaDb;
use crate::{Dice, HANGS, PATIENCE, frontend, timed};

/// Starts a listener on loopback that runs `answer` for each client; gives its port.
fn listener(answer: impl Fn(&mut TcpStream) + Send + Sync + Clone + 'static) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback is there");
    let port = listener.local_addr().expect("it has an address").port();
    thread::spawn(move || {
        for client in listener.incoming() {
            let answer = answer.clone();
            thread::spawn(move || answer(&mut client.expect("a client")));
        }
    });
    port
}

/// Keeps the connection open until the client closes it.
fn wait(client: &mut TcpStream) {
    let _ = client.read_to_end(&mut Vec::new());
}

/// Sends these bytes, then waits or closes the connection.
fn sends(
    bytes: impl Into<Vec<u8>>,
    then_waits: bool,
) -> impl Fn(&mut TcpStream) + Send + Sync + Clone {
    let bytes = bytes.into();
    move |client: &mut TcpStream| {
        let _ = client.write_all(&bytes);
        if then_waits {
            wait(client);
        }
    }
}

/// The greeting of the real server.
fn greeting() -> Vec<u8> {
    let mut server =
        TcpStream::connect(("127.0.0.1", MariaDb::shared().port)).expect("it is there");
    let mut head = [0; 4];
    server.read_exact(&mut head).expect("a head");
    let mut greeting = head.to_vec();
    greeting.resize(4 + usize::from(head[0]), 0);
    server.read_exact(&mut greeting[4..]).expect("a greeting");
    greeting
}

fn random(length: usize, seed: u64) -> Vec<u8> {
    let mut dice = Dice(seed);
    (0..length).map(|_| dice.next() as u8).collect()
}

/// Runs `gpupci host list` against this port. It must fail in time and name the server.
fn list(port: u16) -> (RunOutput, Duration) {
    let url = format!("mysql://root:s3cret@127.0.0.1:{port}/cluster");
    let host = frontend(&url);
    let (said, took) = timed(move || host.line("host list"));
    assert_eq!(
        (said.code, said.text().as_str()),
        (Some(1), ""),
        "{}",
        said.stderr
    );
    let named = format!("mysql://root@127.0.0.1:{port}/cluster ");
    let first = said.stderr.replace('\n', " ");
    assert!(
        first.starts_with("gpupci: ") && first.contains(&named),
        "{}",
        said.stderr
    );
    for unwanted in ["panicked", "s3cret", "\u{1b}", "\0"] {
        assert!(!said.stderr.contains(unwanted), "{}", said.stderr);
    }
    assert!(took < PATIENCE, "{took:?}");
    (said, took)
}

#[test]
fn command_ends_after_the_deadline_if_the_server_never_answers() {
    let port = listener(wait);
    let (said, took) = list(port);
    let expected = format!(
        "gpupci: mysql://root@127.0.0.1:{port}/cluster did not answer within 5 s\n  \
         state: nothing was changed\n  \
         try:   check what the server is doing, then try again\n"
    );
    assert_eq!(said.stderr, expected);
    assert!(took >= Duration::from_secs(5), "{took:?}");
}

#[test]
fn query_ends_after_the_deadline_if_the_server_sends_single_bytes() {
    // A packet of 200 bytes, sent one by one: no single read takes long.
    let port = listener(|client| {
        let _ = client.write_all(&[200, 0, 0, 0, 10]);
        while client.write_all(b"5").is_ok() {
            thread::sleep(Duration::from_millis(100));
        }
    });
    let (answer, took) = cluster_within(Duration::from_millis(800), port);
    assert!(
        matches!(answer, Err(DatabaseError::Timeout { .. })),
        "{answer:?}"
    );
    assert!(took < Duration::from_secs(4), "{took:?}");
}

#[test]
fn server_that_disconnects_or_sends_garbage_is_an_error_at_once() {
    let greeting = greeting();
    let half = &greeting[..greeting.len() / 2];
    let http = "HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n";
    let refusal = b"\x17\0\0\0\xff\x10\x04Too many connections";
    let escape = b"\x0c\0\0\0\xff\x10\x04\x1b[31m\n\x07red";
    let talk: [(&str, Vec<u8>); 9] = [
        ("nothing", vec![]),
        ("random bytes", random(4096, 7)),
        (
            "a packet of random bytes",
            [b"\x20\0\0\0".to_vec(), random(32, 8)].concat(),
        ),
        ("an empty packet", vec![0, 0, 0, 0]),
        ("a web server", http.into()),
        ("half a greeting", half.to_vec()),
        (
            "a greeting of half its length",
            [&[half.len() as u8 - 4], &half[1..]].concat(),
        ),
        ("a refusal", refusal.to_vec()),
        ("a refusal that paints", escape.to_vec()),
    ];
    for (what, bytes) in talk {
        let (said, took) = list(listener(sends(bytes, false)));
        assert!(
            took < Duration::from_secs(4),
            "{what}: {took:?} {}",
            said.stderr
        );
        assert!(
            said.stderr.contains("\n  cause: "),
            "{what}: {}",
            said.stderr
        );
    }
}

#[test]
fn server_that_sends_garbage_and_waits_is_an_error_after_the_deadline() {
    let greeting = greeting();
    let talk = [
        random(4096, 7),
        b"HTTP/1.1 200 OK\r\nContent-Length: 9999999\r\n\r\n".to_vec(),
        greeting[..greeting.len() / 2].to_vec(),
        greeting,
        b"\xff\xff\xff\0".to_vec(),
    ];
    let lists: Vec<_> = talk
        .into_iter()
        .map(|bytes| thread::spawn(move || list(listener(sends(bytes, true)))))
        .collect();
    for list in lists {
        list.join().expect("it is told");
    }
}

/// The answers are correct up to some byte and mangled after it.
#[test]
fn mangled_answers_are_an_error_and_no_panic() {
    let server = MariaDb::shared();
    let database = server.cluster();
    let mads = (0..48_u64).map(|seed| {
        let cut = Cut::Mangled {
            from: 8 * seed as usize,
            dice: seed + 1,
        };
        let port = Proxy {
            to: server.port,
            cut,
        }
        .start();
        let url = format!("mysql://root@127.0.0.1:{port}/{database}");
        thread::spawn(move || {
            let host = frontend(&url);
            let (said, took) = timed(move || host.line("host list"));
            assert!(took < HANGS, "{seed}: {took:?}");
            assert!(!said.stderr.contains("panicked"), "{seed}: {}", said.stderr);
            assert!(
                !said.stderr.contains("could not be parsed"),
                "{seed}: {}",
                said.stderr
            );
            said.code
        })
    });
    let codes: Vec<Option<i32>> = mads
        .collect::<Vec<_>>()
        .into_iter()
        .map(|mad| mad.join().expect("it is told"))
        .collect();
    assert!(
        codes.iter().all(|code| matches!(code, Some(0 | 1 | 9))),
        "{codes:?}"
    );
    assert!(
        codes.iter().filter(|code| **code == Some(1)).count() > 24,
        "{codes:?}"
    );
}

#[test]
fn caller_sets_the_deadline() {
    let (answer, took) = cluster_within(Duration::from_millis(200), listener(wait));
    assert!(
        matches!(answer, Err(DatabaseError::Timeout { .. })),
        "{answer:?}"
    );
    assert!(took < Duration::from_secs(3), "{took:?}");
}

/// The library's result for the server at this port, and its time.
fn cluster_within(deadline: Duration, port: u16) -> (Result<Cluster, DatabaseError>, Duration) {
    let url = format!("mysql://root@127.0.0.1:{port}/cluster");
    timed(move || {
        let database = Database::at(url.parse().expect("a URL"));
        database.with_deadline(deadline).cluster()
    })
}

/// A server that greets as the real one and accepts every login, then sends a malformed answer.
#[derive(Clone)]
struct MalformedServer {
    greeting: Vec<u8>,
    to_login: Vec<u8>,
    to_query: Vec<u8>,
    heard: Arc<Mutex<Vec<u8>>>,
}

const WELCOME: &[u8] = b"\x07\0\0\x02\0\0\0\x02\0\0\0";
const DONE: &[u8] = b"\x07\0\0\x01\0\0\0\x02\0\0\0";

impl MalformedServer {
    fn to_login(answer: &[u8]) -> Self {
        Self {
            greeting: greeting(),
            to_login: answer.to_vec(),
            to_query: Vec::new(),
            heard: Arc::default(),
        }
    }

    fn to_query(answer: &[u8]) -> Self {
        Self {
            to_query: answer.to_vec(),
            ..Self::to_login(WELCOME)
        }
    }

    /// The output of `gpupci host list` against it, and the bytes it received.
    fn listed(self) -> (RunOutput, Vec<u8>) {
        let heard = Arc::clone(&self.heard);
        let port = listener(move |client| drop(self.answer(client)));
        let (said, took) = list(port);
        assert!(took < Duration::from_secs(4), "{took:?} {}", said.stderr);
        let heard = heard.lock().expect("it is done").clone();
        (said, heard)
    }

    fn answer(&self, client: &mut TcpStream) -> std::io::Result<()> {
        client.write_all(&self.greeting)?;
        self.hear(client)?;
        client.write_all(&self.to_login)?;
        loop {
            let heard = self.hear(client)?;
            if heard.is_empty() || self.to_query.is_empty() {
                return Ok(());
            }
            if heard[5.min(heard.len())..].starts_with(b"SET NAMES") {
                client.write_all(DONE)?;
                continue;
            }
            client.write_all(&self.to_query)?;
            client.shutdown(Shutdown::Write)?;
            while !self.hear(client)?.is_empty() {}
        }
    }

    fn hear(&self, client: &mut TcpStream) -> std::io::Result<Vec<u8>> {
        let mut buffer = vec![0; 65_536];
        let length = client.read(&mut buffer)?;
        buffer.truncate(length);
        let mut heard = self.heard.lock().expect("nobody fails");
        heard.extend(&buffer);
        Ok(buffer)
    }
}

fn packet(number: u8, content: &[u8]) -> Vec<u8> {
    let length = (content.len() as u32).to_le_bytes();
    [&length[..3], &[number], content].concat()
}

#[test]
fn malformed_query_answer_is_an_error_and_no_panic() {
    let answers: [(&str, Vec<u8>); 8] = [
        ("nothing", packet(1, b"")),
        ("a packet out of order", packet(77, b"\x09")),
        ("an answer without rows", DONE.to_vec()),
        (
            "one column of nothing",
            [packet(1, b"\x01"), packet(2, b"")].concat(),
        ),
        ("half a number of columns", packet(1, b"\xfd\x01")),
        (
            "more columns than there are bytes",
            packet(1, b"\xfe\xff\xff\xff\xff\xff\xff\xff\x7f"),
        ),
        ("half an error", packet(1, b"\xff\x01")),
        ("random bytes", random(600, 11)),
    ];
    for (what, answer) in answers {
        let (_, heard) = MalformedServer::to_query(&answer).listed();
        let is_query = heard.windows(9).any(|window| window == b"SELECT 0,");
        assert!(is_query, "{what}: it came to the query");
    }
}

#[test]
fn malformed_login_answer_is_an_error_and_no_panic() {
    for answer in [
        packet(2, b""),
        packet(2, b"\xfe"),
        packet(2, b"\x01"),
        packet(2, b"\xfenosuch_plugin\0salt"),
        packet(2, b"\xfemysql_native_password\0"),
        packet(9, b"\0\0\0"),
    ] {
        MalformedServer::to_login(&answer).listed();
    }
}

#[test]
fn greeting_with_wrong_lengths_is_an_error_and_no_panic() {
    for length in [0, 7, 0x7f, 0x80, 0x87, 0xff] {
        let mut greeting = greeting();
        // Protocol, version and its end, connection, 8 bytes of salt, filler, 7 bytes of abilities.
        let version = greeting[5..]
            .iter()
            .position(|byte| *byte == 0)
            .expect("a version");
        greeting[5 + version + 1 + 4 + 8 + 1 + 7] = length;
        let server = MalformedServer {
            greeting,
            ..MalformedServer::to_login(&packet(2, b"\xff\x15\x04No entry"))
        };
        server.listed();
    }
}

#[test]
fn server_that_requests_a_local_file_gets_none() {
    let file = b"/etc/passwd";
    let (_, heard) =
        MalformedServer::to_query(&packet(1, &[b"\xfb".as_slice(), file].concat())).listed();
    let root = heard.windows(5).any(|window| window == b"root:");
    assert!(!root, "{}", heard.escape_ascii());
}

#[test]
fn server_that_requests_the_clear_password_does_not_get_it() {
    for plugin in ["mysql_clear_password", "mysql_old_password", "dialog"] {
        let answer = packet(2, &[b"\xfe", plugin.as_bytes(), b"\0"].concat());
        let (said, heard) = MalformedServer::to_login(&answer).listed();
        let secret = heard.windows(6).any(|window| window == b"s3cret");
        assert!(
            !secret,
            "{plugin}: {} {}",
            said.stderr,
            heard.escape_ascii()
        );
    }
}

/// As in MySQL 8: the client asks for a public key, and the owner of the key can read the password.
#[test]
fn password_is_not_encrypted_for_the_key_of_an_unknown_server() {
    let switch = packet(2, b"\xfecaching_sha2_password\x0012345678901234567890\0");
    let server = MalformedServer {
        to_query: packet(6, b"\x01no key"),
        ..MalformedServer::to_login(&[switch, packet(4, b"\x01\x04")].concat())
    };
    let (said, heard) = server.listed();
    let asks_for_key = b"\x01\0\0\x05\x02";
    let wants_key = heard.windows(5).any(|window| window == asks_for_key);
    assert!(!wants_key, "{} {}", said.stderr, heard.escape_ascii());
}
