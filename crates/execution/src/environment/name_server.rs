//! The name server of an environment: passes questions on to the resolvers of the host, by UDP and TCP.
//!
//! It reads nothing of a question but its number, which it replaces by one of its own, and asks from a port that nobody knows:
//! an answer that somebody else made up has both to guess. What fails is not answered; the caller asks again.

use std::{
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use tokio::{
    net::{TcpStream, UdpSocket},
    sync::{OwnedSemaphorePermit, Semaphore},
    task::{JoinHandle, JoinSet},
};

/// Where the host says whom it asks.
const RESOLVERS_FILE: &str = "/etc/resolv.conf";
pub(crate) const PORT: u16 = 53;
/// Questions of all environments on their way at a time: each is a socket of the server's.
const QUESTIONS_MAX: usize = 512;
/// Questions of one environment on their way at a time; more are dropped.
const QUESTIONS_OF_AN_ENVIRONMENT_MAX: usize = 64;
/// Connections of one environment at a time; more are closed.
const CONNECTIONS_MAX: usize = 8;
/// For each resolver; the library inside waits five seconds for all.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(2);
/// A connection's questions and answers altogether.
const CONNECTION_TIMEOUT: Duration = Duration::from_secs(10);
/// Resolvers that are asked in turn, as many as the C library knows (MAXNS).
const RESOLVERS_MAX: usize = 3;
/// A header and the shortest question.
const QUESTION_BYTES_MIN: usize = 17;
const DATAGRAM_BYTES_MAX: usize = 65_535;

/// What all environments share.
pub(crate) struct Resolver(Arc<Semaphore>);

impl Default for Resolver {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(QUESTIONS_MAX)))
    }
}

/// Answers one environment until dropped.
pub(crate) struct NameServer {
    resolver: Arc<Resolver>,
    datagrams: Option<JoinHandle<()>>,
    connections: JoinSet<()>,
}

impl NameServer {
    /// Answers what comes to `socket`.
    ///
    /// # Errors
    /// When the socket cannot be registered with the reactor.
    pub(crate) fn serve(socket: std::net::UdpSocket, resolver: Arc<Resolver>) -> io::Result<Self> {
        let mut server = Self { resolver, datagrams: None, connections: JoinSet::new() };
        server.resume(socket)?;
        Ok(server)
    }

    /// Closes the socket, and goes on with what is connected.
    pub(super) fn rest(&mut self) {
        self.datagrams.take().iter().for_each(JoinHandle::abort);
    }

    /// Answers datagrams again.
    ///
    /// # Errors
    /// As above.
    pub(super) fn resume(&mut self, socket: std::net::UdpSocket) -> io::Result<()> {
        socket.set_nonblocking(true)?;
        let socket = Arc::new(UdpSocket::from_std(socket)?);
        self.rest();
        self.datagrams = Some(tokio::spawn(answer_datagrams(socket, Arc::clone(&self.resolver))));
        Ok(())
    }

    /// Answers on a connection that was made to the server's port.
    pub(super) fn take(&mut self, connection: std::net::TcpStream) {
        while self.connections.try_join_next().is_some() {}
        let registered = connection.set_nonblocking(true).and_then(|()| TcpStream::from_std(connection));
        if let (Ok(connection), Some(permit)) = (registered, self.resolver.permit())
            && self.connections.len() < CONNECTIONS_MAX
        {
            self.connections.spawn(answer_connection(connection, permit));
        }
    }
}

impl Drop for NameServer {
    fn drop(&mut self) {
        self.rest();
    }
}

impl Resolver {
    fn permit(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.0).try_acquire_owned().ok()
    }
}

async fn answer_datagrams(socket: Arc<UdpSocket>, resolver: Arc<Resolver>) {
    let mut buffer = Vec::new();
    let mut questions = JoinSet::new();
    loop {
        if socket.readable().await.is_err() {
            return;
        }
        // Made when the first question comes: most functions ask none.
        buffer.resize(DATAGRAM_BYTES_MAX, 0);
        while let Ok((length, from)) = socket.try_recv_from(&mut buffer) {
            while questions.try_join_next().is_some() {}
            let question = buffer[..length].to_vec();
            let room = questions.len() < QUESTIONS_OF_AN_ENVIRONMENT_MAX && length >= QUESTION_BYTES_MIN;
            if let Some(permit) = resolver.permit().filter(|_| room) {
                let socket = Arc::clone(&socket);
                questions.spawn(async move {
                    let _permit = permit;
                    if let Some(answer) = ask(question, resolvers()).await {
                        let _ = socket.send_to(&answer, from).await;
                    }
                });
            }
        }
    }
}

/// The first answer of the resolvers, asked one after another.
async fn ask(mut question: Vec<u8>, resolvers: Vec<SocketAddr>) -> Option<Vec<u8>> {
    let number = [question[0], question[1]];
    for resolver in resolvers {
        question[..2].copy_from_slice(&uuid::Uuid::new_v4().as_bytes()[..2]);
        let answered = tokio::time::timeout(ANSWER_TIMEOUT, ask_one(&question, resolver)).await;
        if let Ok(Ok(mut answer)) = answered {
            answer[..2].copy_from_slice(&number);
            return Some(answer);
        }
    }
    None
}

async fn ask_one(question: &[u8], resolver: SocketAddr) -> io::Result<Vec<u8>> {
    let any = match resolver {
        SocketAddr::V4(_) => SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0)),
        SocketAddr::V6(_) => SocketAddr::from((Ipv6Addr::UNSPECIFIED, 0)),
    };
    let socket = UdpSocket::bind(any).await?;
    // Connected, it takes datagrams of the resolver only.
    socket.connect(resolver).await?;
    socket.send(question).await?;
    let mut answer = vec![0; DATAGRAM_BYTES_MAX];
    loop {
        let length = socket.recv(&mut answer).await?;
        if length >= 2 && answer[..2] == question[..2] {
            answer.truncate(length);
            return Ok(answer);
        }
    }
}

async fn answer_connection(mut connection: TcpStream, _permit: OwnedSemaphorePermit) {
    let _ = tokio::time::timeout(CONNECTION_TIMEOUT, async {
        for resolver in resolvers() {
            let connected = tokio::time::timeout(ANSWER_TIMEOUT, TcpStream::connect(resolver)).await;
            if let Ok(Ok(mut upstream)) = connected {
                let _ = tokio::io::copy_bidirectional(&mut connection, &mut upstream).await;
                return;
            }
        }
    })
    .await;
}

/// Whom the host asks now: it may have moved to another network since it last did.
fn resolvers() -> Vec<SocketAddr> {
    let text = std::fs::read_to_string(RESOLVERS_FILE).unwrap_or_default();
    let mut resolvers = listed(&text);
    if resolvers.is_empty() {
        // As the C library does (resolv.conf(5)).
        resolvers.push(Ipv4Addr::LOCALHOST.into());
    }
    resolvers.into_iter().map(|resolver| (resolver, PORT).into()).collect()
}

fn listed(text: &str) -> Vec<IpAddr> {
    let lines = text.lines().filter_map(|line| {
        let mut words = line.split_whitespace();
        (words.next() == Some("nameserver")).then(|| words.next()).flatten()?.parse().ok()
    });
    lines.take(RESOLVERS_MAX).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_resolvers_of_the_host_are_its_name_servers() {
        let text = "# nameserver 9.9.9.9\nsearch a.example\nnameserver 127.0.0.53\nnameserver fd00::1 \nnameserver x\n\
                    nameserver 1.1.1.1\nnameserver 8.8.8.8\n";
        let expected = ["127.0.0.53", "fd00::1", "1.1.1.1"].map(|text| text.parse::<IpAddr>().unwrap());
        assert_eq!(listed(text), expected);
        assert_eq!(listed(""), Vec::<IpAddr>::new());
    }

    #[tokio::test]
    async fn an_answer_carries_the_number_of_its_question() {
        let resolver = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let (silent, answering) = ("127.0.0.1:1".parse().unwrap(), resolver.local_addr().unwrap());
        let asked = tokio::spawn(ask(vec![1; QUESTION_BYTES_MIN], vec![silent, answering]));
        let mut question = [0; 64];
        let (length, from) = resolver.recv_from(&mut question).await.unwrap();
        assert_eq!((length, &question[2..length]), (QUESTION_BYTES_MIN, &[1; QUESTION_BYTES_MIN - 2][..]));
        // Somebody who does not know the number is not heard.
        resolver.send_to(&[!question[0], question[1], 9], from).await.unwrap();
        resolver.send_to(&[question[0], question[1], 7], from).await.unwrap();
        assert_eq!(asked.await.unwrap(), Some(vec![1, 1, 7]));
    }
}
