//! Descriptors on their way from one thread to another whose table is its own ([`super::descriptors`]).
//!
//! Duty: a pair of sockets, and descriptors that travel through it, each with a number that both sides know it by. Non-duty: what
//! they are for. Driver: the control core sends, a data core takes. Tests: below.

use std::io::{IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd as _, AsRawFd as _, BorrowedFd, IntoRawFd as _, OwnedFd};

use rustix::io::Errno;
use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, SocketFlags, SocketType, recvmsg, sendmsg, socketpair,
};

use super::port::Fd;
use super::socket::borrow;

/// The end at which descriptors go in. What is sent waits in the kernel until it is taken.
#[derive(Debug)]
pub struct Sender(OwnedFd);

/// The end at which they come out.
#[derive(Debug)]
pub struct Receiver(OwnedFd);

/// Both ends. Neither of them ever waits.
///
/// # Errors
/// The kernel's, when it has no descriptor left.
pub fn pair() -> std::io::Result<(Sender, Receiver)> {
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let (inside, outside) = socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, flags, None)?;
    Ok((Sender(inside), Receiver(outside)))
}

impl Sender {
    /// Sends a copy of each descriptor, by number.
    ///
    /// # Errors
    /// The kernel's: the receiver takes none, or it has no room for more on the way. Some may have been sent.
    pub fn send(&self, all: &[(u32, BorrowedFd<'_>)]) -> std::io::Result<()> {
        for batch in all.chunks(BATCH) {
            let numbers: Vec<u8> =
                batch.iter().flat_map(|(number, _)| number.to_le_bytes()).collect();
            let descriptors: Vec<BorrowedFd<'_>> = batch.iter().map(|(_, fd)| *fd).collect();
            let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(BATCH))];
            let mut control = SendAncillaryBuffer::new(&mut space);
            control.push(SendAncillaryMessage::ScmRights(&descriptors));
            let flags = SendFlags::DONTWAIT | SendFlags::NOSIGNAL;
            sendmsg(&self.0, &[IoSlice::new(&numbers)], &mut control, flags)?;
        }
        Ok(())
    }
}

impl Receiver {
    /// The descriptor to keep, where a thread gets a table of its own.
    #[must_use]
    pub fn fd(&self) -> Fd {
        Fd(self.0.as_raw_fd())
    }

    /// Gives it up to a thread that owns it by number from now on.
    #[must_use]
    pub fn into_fd(self) -> Fd {
        Fd(self.0.into_raw_fd())
    }
}

/// Takes everything that is on its way to `receiver`: each descriptor with its number, owned by the calling thread.
#[must_use]
pub fn take_all(receiver: Fd) -> Vec<(u32, Fd)> {
    let mut taken = Vec::new();
    loop {
        let mut numbers = [0; BATCH * 4];
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(BATCH))];
        let mut control = RecvAncillaryBuffer::new(&mut space);
        let flags = RecvFlags::DONTWAIT | RecvFlags::CMSG_CLOEXEC;
        let from = borrow(receiver);
        let received =
            recvmsg(from.as_fd(), &mut [IoSliceMut::new(&mut numbers)], &mut control, flags);
        let bytes = match received {
            Ok(message) if message.bytes > 0 => message.bytes,
            Err(Errno::INTR) => continue,
            // Nothing more is on its way, or the other end is gone.
            Ok(_) | Err(_) => return taken,
        };
        let descriptors = control.drain().flat_map(|message| match message {
            RecvAncillaryMessage::ScmRights(rights) => rights.collect::<Vec<OwnedFd>>(),
            _ => Vec::new(),
        });
        let numbers = numbers.get(..bytes).unwrap_or_default().chunks_exact(4);
        // A descriptor that did not fit this thread's table any more is missing at the end; its number goes with it.
        for (number, descriptor) in numbers.zip(descriptors) {
            let number = u32::from_le_bytes(number.try_into().unwrap_or_default());
            taken.push((number, Fd(descriptor.into_raw_fd())));
        }
    }
}

/// Descriptors in one message; the kernel takes 253.
const BATCH: usize = 64;

#[cfg(test)]
mod tests {
    use super::super::socket::adopt;
    use super::*;

    #[test]
    fn descriptors_come_out_as_they_went_in_with_their_numbers() {
        use std::io::{Read as _, Write as _};
        let (sender, receiver) = pair().unwrap();
        assert!(take_all(receiver.fd()).is_empty());
        let (mut ours, theirs) = std::os::unix::net::UnixStream::pair().unwrap();
        let other = std::fs::File::open("/dev/null").unwrap();
        let numbered = |number| if number == 99 { theirs.as_fd() } else { other.as_fd() };
        let all: Vec<(u32, BorrowedFd<'_>)> =
            (0..150).map(|number| (number, numbered(number))).collect();
        sender.send(&all).unwrap();
        let taken = take_all(receiver.fd());
        assert_eq!(
            taken.iter().map(|(number, _)| *number).collect::<Vec<_>>(),
            (0..150).collect::<Vec<_>>()
        );
        for (number, fd) in taken {
            let descriptor = adopt(fd);
            if number == 99 {
                let mut stream = std::os::unix::net::UnixStream::from(descriptor);
                ours.write_all(b"x").unwrap();
                let mut byte = [0];
                stream.read_exact(&mut byte).unwrap();
                assert_eq!(&byte, b"x");
            }
        }
        drop(receiver);
        assert!(sender.send(&all[..1]).is_err(), "no receiver takes it");
    }

    #[test]
    fn what_finds_no_room_is_an_error_and_no_wait() {
        let (sender, receiver) = pair().unwrap();
        let null = std::fs::File::open("/dev/null").unwrap();
        let sent = (0..100_000).take_while(|_| sender.send(&[(1, null.as_fd())]).is_ok()).count();
        assert!((10..100_000).contains(&sent), "{sent}");
        let taken = take_all(receiver.fd());
        assert_eq!(taken.len(), sent);
        taken.into_iter().for_each(|(_, fd)| drop(adopt(fd)));
    }
}
