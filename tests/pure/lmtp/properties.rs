//! What holds for every message, however it is cut, and for every session, whatever happens to it.

use hale::event::Event;
use hale::limits::{LMTP_INPUT_BYTES_MAX, LMTP_READ_BYTES, LMTP_WINDOW_BYTES};
use hale::lmtp::{Input, LinkId, Lmtp, Outbox, Wish};
use hale::tick::Tick;
use proptest::prelude::*;

use super::stage::Scene;

/// A session with one recipient on each of several backends, all of which have said yes to everything so far.
struct Run {
    scene: Scene,
    session: Lmtp,
    outbox: Outbox,
    replies: Vec<u8>,
    backends: Vec<Vec<u8>>,
    events: Vec<Event>,
    piece: usize,
    turns: usize,
    closed: bool,
}

impl Run {
    fn new(backends: usize, piece: usize) -> Self {
        let mut scene = Scene::default();
        for number in 0..backends {
            scene.add_user(&format!("u{number} h{number} 192.0.2.{}", 100 + number));
        }
        let session = scene.session();
        Self {
            session,
            scene,
            outbox: Outbox::new(),
            replies: Vec::new(),
            backends: vec![Vec::new(); backends],
            events: Vec::new(),
            piece,
            turns: 0,
            closed: false,
        }
    }

    fn input(&mut self, input: Input<'_>) {
        self.session.on(Tick(0), input, &mut self.outbox);
        self.replies.append(&mut self.outbox.to_client);
        let wishes: Vec<Wish> = self.outbox.take_wishes().collect();
        for wish in wishes {
            match wish {
                Wish::Find(question) => self.input(Input::Found(self.scene.find(&question.user))),
                Wish::Route(ask) => self.input(Input::Route(self.scene.route(&ask))),
                Wish::Connect { link, .. } => self.input(Input::Connected(link)),
                Wish::Drop(link) => self.session.forget(link),
                Wish::Report(event) => self.events.push(event),
                Wish::Close => self.closed = true,
                Wish::Learn(_)
                | Wish::DropQuestion
                | Wish::SecureClient(_)
                | Wish::SecureBackend { .. } => {}
            }
        }
        if self.session.is_stalled() {
            self.input(Input::ClientTook);
        }
    }

    /// Every backend takes up to so many bytes.
    fn move_bytes(&mut self, most: usize) -> bool {
        let mut out = vec![0; most];
        let mut moved = false;
        for at in 0..self.backends.len() {
            let link = LinkId(u8::try_from(at).unwrap());
            // Every other time from where it lies, as the shell does in clear.
            self.turns += 1;
            if let Some(stretch) =
                self.session.stretch(link).filter(|_| self.turns.is_multiple_of(2))
            {
                let taken = stretch.bytes.len().min(self.piece);
                self.backends[at].extend(&stretch.bytes[..taken]);
                self.session.passed(Tick(0), link, taken);
                moved = true;
                continue;
            }
            let count = self.session.fill(link, &mut out);
            // What is offered twice is the same twice.
            let mut again = vec![0; most];
            assert_eq!(self.session.fill(link, &mut again), count);
            assert_eq!(out[..count], again[..count]);
            let taken = count.min(self.piece);
            self.session.sent(Tick(0), link, taken);
            self.backends[at].extend(&out[..taken]);
            moved |= taken > 0;
        }
        moved
    }

    fn drain(&mut self) {
        while self.move_bytes(self.piece * 2) {
            self.input(Input::BackendTook);
        }
    }

    fn client(&mut self, bytes: &[u8], cut: usize) {
        let mut rest = bytes;
        while !rest.is_empty() {
            let room = self.session.client_room();
            assert!(room <= LMTP_READ_BYTES);
            if room == 0 {
                assert!(self.move_bytes(self.piece), "nothing moves");
                self.input(Input::BackendTook);
                continue;
            }
            let (part, behind) = rest.split_at(cut.min(room).min(rest.len()));
            self.input(Input::Client(part));
            rest = behind;
        }
        self.drain();
    }

    fn backend(&mut self, at: usize, bytes: &[u8]) {
        self.input(Input::Backend(LinkId(u8::try_from(at).unwrap()), bytes));
        self.drain();
    }

    /// From the greeting to the accepted recipients. Every second backend has CHUNKING.
    fn envelope(&mut self) {
        self.input(Input::Begin);
        self.client(b"LHLO x\r\nMAIL FROM:<a@b>\r\n", 7);
        for at in 0..self.backends.len() {
            self.client(format!("RCPT TO:<u{at}>\r\n").as_bytes(), 5);
            let chunking = if at % 2 == 0 {
                "250-PIPELINING\r\n250 CHUNKING\r\n"
            } else {
                "250 PIPELINING\r\n"
            };
            self.backend(
                at,
                format!("220 x\r\n250-x\r\n{chunking}250 ok\r\n250 ok\r\n").as_bytes(),
            );
        }
        self.replies.clear();
        self.backends.iter_mut().for_each(Vec::clear);
    }
}

/// What a backend behind DATA understands, if a lone LF is a line end to it.
fn unstuffed(bytes: &[u8]) -> Vec<u8> {
    let body = bytes.strip_prefix(b"DATA\r\n").unwrap().strip_suffix(b".\r\n").unwrap();
    let lines = body.split_inclusive(|&byte| byte == b'\n');
    lines.flat_map(|line| line.strip_prefix(b".").unwrap_or(line)).copied().collect()
}

/// What a backend behind BDAT understands.
fn unchunked(bytes: &[u8]) -> Vec<u8> {
    let (mut rest, mut content) = (bytes, Vec::new());
    loop {
        let end = rest.windows(2).position(|two| two == b"\r\n").unwrap();
        let head = std::str::from_utf8(&rest[..end]).unwrap();
        let words: Vec<&str> = head.split(' ').collect();
        assert_eq!(words[0], "BDAT");
        let size: usize = words[1].parse().unwrap();
        content.extend(&rest[end + 2..end + 2 + size]);
        rest = &rest[end + 2 + size..];
        if words.len() == 3 {
            assert!(rest.is_empty() && words[2] == "LAST");
            return content;
        }
    }
}

/// What a client behind DATA sends.
fn stuffed(content: &[u8]) -> Vec<u8> {
    let (mut sent, mut before) = (Vec::new(), [b'\r', b'\n']);
    for &byte in content {
        if byte == b'.' && before == *b"\r\n" {
            sent.push(b'.');
        }
        sent.push(byte);
        before = [before[1], byte];
    }
    sent.extend(b".\r\n");
    sent
}

fn content() -> impl Strategy<Value = Vec<u8>> {
    let bit = prop_oneof![
        Just(b"\r\n".to_vec()),
        Just(b".".to_vec()),
        Just(b"\r\n.\r\n".to_vec()),
        Just(b"\n.\n".to_vec()),
        Just(b"\r".to_vec()),
        Just(b"MAIL FROM:<x@y>\r\n".to_vec()),
        prop::collection::vec(any::<u8>(), 0..40),
        Just(vec![b'x'; 3000]),
        // Long enough to be sent from where it lies.
        Just(vec![b'x'; 20_000]),
    ];
    prop::collection::vec(bit, 0..60).prop_map(|bits| bits.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// LM-05: what each backend understands is what the client sent, byte for byte, whatever is cut where.
    #[test]
    fn lm_05_every_backend_gets_the_content(
        content in content(),
        by_chunks: bool,
        cut in prop_oneof![1_usize..5000, 5000_usize..70_000],
        piece in prop_oneof![1_usize..5000, 5000_usize..70_000],
        split in 0_usize..100_000,
    ) {
        // Behind DATA a message ends with a line end.
        let content = if by_chunks || content.is_empty() { content } else { [&content[..], b"\r\n"].concat() };
        let mut run = Run::new(3, piece);
        run.envelope();
        if by_chunks {
            let (head, tail) = content.split_at(split.min(content.len()));
            let head = [format!("BDAT {}\r\n", head.len()).as_bytes(), head].concat();
            let tail = [format!("BDAT {} LAST\r\n", tail.len()).as_bytes(), tail].concat();
            // The backend behind DATA holds the rest until it has agreed.
            let (first, rest) = head.split_at(head.len().min(LMTP_WINDOW_BYTES));
            run.client(first, cut);
            run.backend(1, b"354 go\r\n");
            run.client(rest, cut);
            run.client(&tail, cut);
        } else {
            run.client(b"DATA\r\n", cut);
            run.backend(1, b"354 go\r\n");
            run.client(&stuffed(&content), cut);
        }
        let whole = |bytes: &[u8]| {
            let ended = content.is_empty() || content.ends_with(b"\r\n");
            if ended { bytes.to_vec() } else { [bytes, b"\r\n"].concat() }
        };
        prop_assert_eq!(&unchunked(&run.backends[0]), &content);
        prop_assert_eq!(&unchunked(&run.backends[2]), &content);
        prop_assert_eq!(&unstuffed(&run.backends[1]), &whole(&content));
        // Not one 250 before a backend's.
        prop_assert!(!run.replies.ends_with(b"saved\r\n"));
        let chunks = run.backends[0].windows(5).filter(|five| five == b"BDAT ").count();
        for (at, word) in [(0, "250 2.0.0 saved"), (1, "452 4.2.2 full"), (2, "250 2.0.0 saved")] {
            // Content may look like an announcement; replies that are not due would end the connection.
            if at != 1 && content.windows(5).all(|five| five != b"BDAT ") {
                for _ in 1..chunks {
                    run.backend(at, b"250 chunk\r\n");
                }
            }
            run.backend(at, format!("{word}\r\n").as_bytes());
        }
        let delivered: Vec<bool> = run
            .events
            .iter()
            .filter_map(|event| match event {
                Event::Delivered { accepted, .. } => Some(*accepted),
                _ => None,
            })
            .collect();
        prop_assert_eq!(delivered, [true, false, true]);
        prop_assert!(run.replies.ends_with(b"250 2.0.0 saved\r\n452 4.2.2 full\r\n250 2.0.0 saved\r\n"));
    }

    /// A message of any size is never here in more than a window and an inbox.
    #[test]
    fn lm_06_the_source_is_held_by_the_slowest(cut in 1_usize..10_000, held in 0_usize..3) {
        let mut run = Run::new(3, 4096);
        run.envelope();
        run.client(b"DATA\r\n", 100);
        run.backend(1, b"354 go\r\n");
        let line = [&[b'x'; 98][..], b"\r\n"].concat();
        let slow = LinkId(u8::try_from(held).unwrap());
        let mut out = vec![0; 16_384];
        let mut sent = 0_usize;
        for part in line.repeat(3000).chunks(cut) {
            if run.session.client_room() < part.len() {
                break;
            }
            run.input(Input::Client(part));
            sent += part.len();
            for at in 0..3 {
                let link = LinkId(u8::try_from(at).unwrap());
                let mut takes = link != slow;
                while takes {
                    let count = run.session.fill(link, &mut out);
                    run.session.sent(Tick(0), link, count);
                    takes = count > 0;
                }
            }
            run.input(Input::BackendTook);
        }
        prop_assert!(sent >= LMTP_WINDOW_BYTES, "{sent}");
        prop_assert!(sent <= LMTP_WINDOW_BYTES + LMTP_INPUT_BYTES_MAX, "{sent}");
    }

    /// W-PIPE-3, LM-04: anything in any order; see the fuzz target's body for what holds.
    #[test]
    fn every_stage_takes_every_input(
        choice: u8,
        list in prop::collection::vec((0_u8..17, any::<u8>()), 0..80),
    ) {
        // Only happenings without bytes of their own, so that the list stays in step.
        let pairs = list.iter().flat_map(|&(kind, argument)| [kind.max(2), argument]);
        let input: Vec<u8> = std::iter::once(choice).chain(pairs).collect();
        crate::corpus::lmtp::run(&input);
    }

    /// The same behind STARTTLS with a backend that has it.
    #[test]
    fn w_btls_3_every_delivery_by_tls_takes_every_input(
        choice in (0_u8..16).prop_map(|choice| choice & 0b1110 | 16),
        list in prop::collection::vec((2_u8..17, any::<u8>()), 0..60),
        cut in 0_usize..30,
        offered: bool,
    ) {
        let keywords = if offered { 44 } else { 8 };
        let begun = [
            [2, 0], [2, 1], [2, 2], [9, 0], [11, 1], [6, 0], [4, 0], [13, 252], [4, keywords], [13, 252], [4, 0], [16, 72],
            [13, 252], [4, 8], [13, 252], [4, 4], [4, 4],
        ];
        let pairs = begun.into_iter().take(cut).flatten().chain(list.iter().flat_map(|&(kind, argument)| [kind, argument]));
        let input: Vec<u8> = std::iter::once(choice).chain(pairs).collect();
        crate::corpus::lmtp::run(&input);
    }

    /// The same, begun as a delivery begins.
    #[test]
    fn every_delivery_takes_every_input(
        choice in (0_u8..16).prop_map(|choice| choice & 0b1110),
        list in prop::collection::vec((2_u8..17, any::<u8>()), 0..60),
    ) {
        let begun = [[2, 0], [2, 1], [2, 2], [9, 0], [11, 1], [6, 0], [4, 0], [13, 252], [4, 8], [13, 252], [4, 4], [4, 4]];
        let pairs = begun.into_iter().flatten().chain(list.iter().flat_map(|&(kind, argument)| [kind, argument]));
        let input: Vec<u8> = std::iter::once(choice).chain(pairs).collect();
        crate::corpus::lmtp::run(&input);
    }
}
