//! Through an HTTP proxy.

use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::server::Server;
use super::site::Site;
use super::*;
use crate::model::ObjectHash;

/// A proxy that leads every `CONNECT` to one server, and remembers what it was asked.
async fn proxy(server: &Server) -> (String, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let asked = Arc::new(Mutex::new(Vec::new()));
    let (requests, target) = (asked.clone(), server.address);
    tokio::spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                head.push(client.read_u8().await.unwrap());
            }
            let head = String::from_utf8(head).unwrap();
            requests.lock().unwrap().push(head.lines().next().unwrap().to_owned());
            tokio::spawn(async move {
                client.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.unwrap();
                let mut server = TcpStream::connect(target).await.unwrap();
                let _ = tokio::io::copy_bidirectional(&mut client, &mut server).await;
            });
        }
    });
    (format!("http://{address}"), asked)
}

fn through(server: &Server, url: &str, direct: &[&str], local: LocalAddresses) -> Bench {
    Bench::new(|config| {
        config.root_certificates = vec![server.root.clone()];
        config.local_addresses = local;
        config.proxy.url = Some(url.to_owned());
        config.proxy.direct = direct.iter().map(ToString::to_string).collect();
    })
}

/// A notification of `repository.example`, which only the proxy can find.
fn publish(server: &Server) -> RepositoryId {
    let site = Site::new(&[("a", "1")]);
    site.put(server);
    let own = format!("https://{}", server.address);
    let text = site.notification(server, ObjectHash::of(site.snapshot().as_bytes()));
    site.put_notification(server, &text.replace(&own, "https://repository.example"));
    "https://repository.example/notification.xml".parse().unwrap()
}

#[tokio::test]
async fn https_goes_through_the_proxy_whose_own_address_may_be_private() {
    let server = Server::start().await;
    let (url, asked) = proxy(&server).await;
    let id = publish(&server);
    // Strangers' addresses stay refused; the proxy is the operator's.
    let bench = through(&server, &url, &[], LocalAddresses::Refuse);
    let report = bench.fetcher.fetch_repository(&bench.store, &id).await;
    assert!(report.error.is_none(), "{:?}", report.error);
    assert_eq!(report.status.objects, 1);
    let asked = asked.lock().unwrap();
    assert!(!asked.is_empty());
    assert!(
        asked.iter().all(|line| line == "CONNECT repository.example:443 HTTP/1.1"),
        "{asked:?}"
    );
}

#[tokio::test]
async fn a19_through_a_proxy_names_and_literals_are_checked_as_written() {
    let server = Server::start().await;
    let (url, asked) = proxy(&server).await;
    let bench = through(&server, &url, &[], LocalAddresses::Refuse);
    let own = url.replace("http://", "https://");
    for target in ["https://localhost", "https://db.internal", "https://10.0.0.1", &own] {
        let id = format!("{target}/n.xml").parse().unwrap();
        let report = bench.fetcher.fetch_repository(&bench.store, &id).await;
        assert_eq!(report.error.unwrap().kind, FetchErrorKind::Refused, "{target}");
    }
    assert_eq!(*asked.lock().unwrap(), Vec::<String>::new());
}

#[tokio::test]
async fn hosts_without_proxy_are_asked_directly_and_under_guard() {
    let server = Server::start().await;
    let (url, asked) = proxy(&server).await;
    Site::new(&[("a", "1")]).put(&server);
    let bench = through(&server, &url, &["127.0.0.1"], LocalAddresses::Refuse);
    let report = bench.fetcher.fetch_repository(&bench.store, &Site::id(&server)).await;
    assert_eq!(report.error.unwrap().kind, FetchErrorKind::Refused);
    // The proxy itself is on the same address: as a name it differs.
    let named = url.replace("127.0.0.1", "localhost");
    let bench = through(&server, &named, &["127.0.0.1"], LocalAddresses::Allow);
    let report = bench.fetcher.fetch_repository(&bench.store, &Site::id(&server)).await;
    assert!(report.error.is_none(), "{:?}", report.error);
    assert_eq!(*asked.lock().unwrap(), Vec::<String>::new());
}
