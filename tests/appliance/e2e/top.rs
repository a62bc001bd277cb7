//! `hale top` on a terminal and without one.

use super::dovecot::Pair;
use super::hale::Setup;
use super::tools::{PYTHON, run};

/// A terminal of 80 columns and 24 lines, made smaller; keys; and each way to end. What the terminal was set to before has to
/// be so again.
const SCRIPT: &str = r#"
import fcntl, os, pty, re, select, signal, struct, sys, termios, time

def bare(text):
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text)

class Page:
    def __init__(self):
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            # The terminal is set up before anything draws on it.
            sys.stdin.readline()
            os.execv(sys.argv[1], [sys.argv[1], "-c", sys.argv[2], "top"])
        self.resize(80, 24)
        self.before = termios.tcgetattr(self.fd)
        self.said = ""
        os.write(self.fd, b"\n")

    def resize(self, columns, rows):
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def read_until(self, what, condition):
        deadline = time.monotonic() + 30
        while not condition(self.said):
            ready, _, _ = select.select([self.fd], [], [], max(0, deadline - time.monotonic()))
            assert ready, what + " did not come: " + repr(self.said[-3000:])
            try:
                part = os.read(self.fd, 65536)
            except OSError:
                part = b""
            assert part, what + ": the end came first: " + repr(self.said[-3000:])
            self.said += part.decode()

    def pages(self):
        return self.said.split("\x1b[H")[1:]

    def press(self, keys):
        self.said = ""
        os.write(self.fd, keys)

    def ends(self, code):
        self.read_until("the main screen", lambda said: "\x1b[?1049l" in said)
        _, status = os.waitpid(self.pid, 0)
        assert os.waitstatus_to_exitcode(status) == code, status
        after = termios.tcgetattr(self.fd)
        assert after == self.before, (self.before, after)
        assert "\x1b[?25h" in self.said, "the cursor is back"

page = Page()
page.read_until("a page", lambda said: "be2.test" in said and "\x1b[J" in said)
lines = bare(page.pages()[0]).split("\r\n")
assert len(lines) == 5 and all(len(line) <= 80 for line in lines), lines
assert "1/2 online" in lines[0], lines[0]
assert re.search(r"be1\.test +online ", lines[3]) and re.search(r"be2\.test +standby ", lines[4]), lines
assert "\x1b[7m  CONNS" in page.said
page.said = ""
page.read_until("another page by itself", lambda said: said.count("\x1b[J") >= 2)
page.press(b"s")
page.read_until("the order by status", lambda said: "\x1b[7mSTATUS" in said and "be1.test" in said.split("be2.test")[-1])
page.press(b"\x1b[B")
page.read_until("a scrolled page", lambda said: "\x1b[J" in said)
page.said = ""
page.resize(60, 4)
page.read_until("a page of four lines", lambda said: any(
    len(bare(part).split("\r\n")) == 4 and part.endswith("\x1b[J") for part in said.split("\x1b[H")))
last = [part for part in page.pages() if part.endswith("\x1b[J")][-1]
assert all(len(line) <= 60 for line in bare(last).split("\r\n")), last
page.press(b"q")
page.ends(0)

page = Page()
page.read_until("a page", lambda said: "\x1b[J" in said)
page.press(b"\x03")
page.ends(0)

page = Page()
page.read_until("a page", lambda said: "\x1b[J" in said)
os.kill(page.pid, signal.SIGTERM)
page.ends(0)
"#;

#[test]
fn c_top_1_a_page_on_a_terminal_and_lines_without_one() {
    let mut setup = Setup::new(Pair::shared().port);
    setup.configure("hostname = top.test");
    let hale = setup.start();
    hale.setup().succeed("cluster backend update --status standby be2.test");
    let conf = hale.setup().path().join("hale.conf");
    let program = env!("CARGO_BIN_EXE_hale");
    run(PYTHON.command().args(["-c", SCRIPT, program]).arg(&conf));

    let said = hale.setup().succeed("top --count 2");
    assert!(!said.contains('\u{1b}'), "{said:?}");
    let lines: Vec<&str> = said.lines().collect();
    assert_eq!(lines.len(), 8, "{said}");
    assert!(lines[0].contains("1/2 online") && lines[1].starts_with("HOST "), "{said}");
    assert!(lines[2].starts_with("be1.test") && lines[3].starts_with("be2.test"), "{said}");
    let output = hale.setup().output("top --site DC9");
    assert_eq!(output.status.code(), Some(68));
}

#[test]
fn c_top_1_without_a_hale_the_rows_alone_are_shown() {
    let setup = Setup::new(Pair::shared().port);
    setup.write();
    setup.make_cluster();
    let said = setup.succeed("top --count 1");
    assert!(said.contains("2/2 online") && said.contains("be1.test "), "{said}");
}
