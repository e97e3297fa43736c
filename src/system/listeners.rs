//! Listening sockets that another process opened: the supervisor's, or the service manager's.
//!
//! The supervisor's come as a message over standard input, which carries any number of them
//! (docs/decisions/0002).

use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::net::TcpListener;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;

use listenfd::ListenFd;
use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, recvmsg, sendmsg,
};

/// Where the service answers.
#[derive(Debug, Default)]
pub struct Listeners {
    /// The listener for HTTP.
    pub http: Option<TcpListener>,
    /// The listener for routers.
    pub rtr: Option<TcpListener>,
    /// The listener for routers that speak TLS.
    pub rtr_tls: Option<TcpListener>,
}

/// How many there can be.
const MOST: usize = 3;

/// Their names: in messages by the position, in systemd's units by the text.
const NAMES: [&str; MOST] = ["http", "rtr", "rtr-tls"];

impl Listeners {
    fn all(&self) -> [&Option<TcpListener>; MOST] {
        [&self.http, &self.rtr, &self.rtr_tls]
    }

    fn all_mut(&mut self) -> [&mut Option<TcpListener>; MOST] {
        [&mut self.http, &mut self.rtr, &mut self.rtr_tls]
    }

    /// Returns a socket in which copies of the listeners wait: to be a child's standard input.
    ///
    /// # Errors
    ///
    /// The system has no room for sockets.
    pub fn pass(&self) -> io::Result<OwnedFd> {
        let (ours, childs) = UnixStream::pair()?;
        let there = self.all().into_iter().zip(0u8..);
        let there = there.filter_map(|(listener, name)| Some((listener.as_ref()?, name)));
        let (listeners, names): (Vec<&TcpListener>, Vec<u8>) = there.unzip();
        let descriptors: Vec<_> = listeners.into_iter().map(AsFd::as_fd).collect();
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MOST))];
        let mut control = SendAncillaryBuffer::new(&mut space);
        control.push(SendAncillaryMessage::ScmRights(&descriptors));
        sendmsg(&ours, &[IoSlice::new(&names)], &mut control, SendFlags::empty())?;
        Ok(childs.into())
    }

    /// Takes the listeners out of what [`Self::pass`] made.
    ///
    /// # Errors
    ///
    /// `stream` is no such socket.
    pub fn take(stream: impl AsFd) -> io::Result<Self> {
        let mut names = [0; MOST];
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MOST))];
        let mut control = RecvAncillaryBuffer::new(&mut space);
        let mut parts = [IoSliceMut::new(&mut names)];
        let flags = RecvFlags::CMSG_CLOEXEC | RecvFlags::DONTWAIT;
        let length = recvmsg(stream, &mut parts, &mut control, flags)?.bytes;
        let descriptors = control.drain().flat_map(|message| match message {
            RecvAncillaryMessage::ScmRights(descriptors) => descriptors.collect(),
            _ => Vec::new(),
        });
        let descriptors: Vec<OwnedFd> = descriptors.collect();
        let mut listeners = Listeners::default();
        for (name, descriptor) in names.into_iter().take(length).zip(descriptors) {
            if let Some(place) = listeners.all_mut().into_iter().nth(usize::from(name)) {
                *place = Some(descriptor.into());
            }
        }
        Ok(listeners)
    }

    /// Takes what systemd opened for this process (socket activation): a socket unit names each
    /// by `FileDescriptorName=`.
    ///
    /// # Errors
    ///
    /// Says which socket is none of ours, or not a TCP listener.
    pub fn of_service_manager() -> io::Result<Self> {
        let names = std::env::var("LISTEN_FDNAMES").unwrap_or_default();
        let names: Vec<&str> = names.split(':').collect();
        let mut passed = ListenFd::from_env();
        let mut listeners = Listeners::default();
        for position in 0..passed.len() {
            let name = names.get(position).copied().unwrap_or_default();
            let invalid = |why: &str| {
                let why = format!("the socket {name:?} of the service manager {why}");
                io::Error::new(io::ErrorKind::InvalidInput, why)
            };
            let Some(index) = NAMES.iter().position(|known| *known == name) else {
                let why = format!("is none of {}: set FileDescriptorName=", NAMES.join(", "));
                return Err(invalid(&why));
            };
            let listener = passed.take_tcp_listener(position);
            let listener = listener.map_err(|error| invalid(&error.to_string()))?;
            let mut places = listeners.all_mut().into_iter();
            let Some(place) = places.nth(index).filter(|place| place.is_none()) else {
                return Err(invalid("is there twice"));
            };
            *place = listener;
        }
        Ok(listeners)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listener() -> TcpListener {
        TcpListener::bind("127.0.0.1:0").unwrap()
    }

    fn addresses(listeners: &Listeners) -> Vec<Option<std::net::SocketAddr>> {
        let address = |listener: &TcpListener| listener.local_addr().unwrap();
        listeners.all().into_iter().map(|listener| listener.as_ref().map(address)).collect()
    }

    #[test]
    fn a_child_gets_the_listeners_that_its_parent_has() {
        let all = [
            Listeners { http: Some(listener()), ..Listeners::default() },
            Listeners { http: Some(listener()), rtr_tls: Some(listener()), rtr: None },
            Listeners { http: Some(listener()), rtr: Some(listener()), rtr_tls: Some(listener()) },
        ];
        for given in all {
            let passed = given.pass().unwrap();
            let taken = Listeners::take(&passed).unwrap();
            assert_eq!(addresses(&taken), addresses(&given));
            // They are the same sockets: whoever connects reaches either.
            drop(given.http);
            let http = taken.http.unwrap();
            std::net::TcpStream::connect(http.local_addr().unwrap()).unwrap();
            http.accept().unwrap();
        }
    }

    #[test]
    fn what_is_no_message_of_the_supervisor_is_an_error_or_nothing() {
        assert!(Listeners::take(std::fs::File::open("/dev/null").unwrap()).is_err());
        let (ours, theirs) = UnixStream::pair().unwrap();
        // Nothing was sent: no waiting.
        assert!(Listeners::take(&theirs).is_err());
        drop(ours);
        assert!(addresses(&Listeners::take(&theirs).unwrap()).iter().all(Option::is_none));
    }
}
