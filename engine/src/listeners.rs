//! Where requests come from: a Unix socket, and a TCP address if one is asked for.
//!
//! In: the two places. Out: connections, each with a place among those that may be open.
//!
//! **Invariant.** The socket is never reachable by another user, not even for a moment: it is made in a private folder,
//! closed to others, and then moved into place.

use std::fs::{self, Permissions};
use std::io;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;

use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::folder::make_private;
use crate::{EngineError, Listen, Password};

/// Where requests come from.
#[derive(Debug)]
pub(crate) struct Listeners {
    socket: UnixListener,
    tcp: Option<(TcpListener, Password)>,
}

impl Listeners {
    pub(crate) async fn open(socket: &Path, listen: Option<Listen>) -> Result<Listeners, EngineError> {
        let tcp = match listen {
            None => None,
            Some(Listen { address, password }) => {
                let bound = TcpListener::bind(address).await;
                Some((bound.map_err(|source| EngineError::Listen { address, source })?, password))
            }
        };
        Ok(Listeners { socket: bind(socket)?, tcp })
    }

    /// The TCP address.
    pub(crate) fn address(&self) -> Option<SocketAddr> {
        self.tcp.as_ref().and_then(|(listener, _)| listener.local_addr().ok())
    }

    /// The next connection of the socket.
    pub(crate) async fn accept(&self, places: &Arc<Semaphore>) -> io::Result<(UnixStream, Place)> {
        let place = places.clone().acquire_owned().await.map_err(io::Error::other)?;
        let (stream, _) = self.socket.accept().await?;
        Ok((stream, place))
    }

    /// The next connection over TCP; never, where there is no such listener.
    pub(crate) async fn accept_tcp(
        &self,
        places: &Arc<Semaphore>,
    ) -> io::Result<(TcpStream, Password, Place)> {
        let Some((listener, password)) = &self.tcp else { return std::future::pending().await };
        let place = places.clone().acquire_owned().await.map_err(io::Error::other)?;
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        Ok((stream, password.clone(), place))
    }
}

/// A place among the open connections.
pub(crate) type Place = OwnedSemaphorePermit;

/// Makes the socket, open to its owner only.
fn bind(socket: &Path) -> Result<UnixListener, EngineError> {
    let fault = |source| EngineError::Socket { path: socket.to_owned(), source };
    let parent = socket.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    make_private(parent).map_err(fault)?;
    if std::os::unix::net::UnixStream::connect(socket).is_ok() {
        return Err(fault(io::Error::new(io::ErrorKind::AddrInUse, "another process listens on it")));
    }
    let nursery = parent.join(format!(".{}", std::process::id()));
    make_private(&nursery).map_err(fault)?;
    let unborn = nursery.join("s");
    let listener = UnixListener::bind(&unborn).and_then(|listener| {
        fs::set_permissions(&unborn, Permissions::from_mode(0o600))?;
        fs::rename(&unborn, socket)?;
        Ok(listener)
    });
    fs::remove_dir_all(&nursery).map_err(fault)?;
    listener.map_err(fault)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_socket_that_someone_answers_on_is_not_taken_over_and_a_dead_one_is() {
        let home = tempfile::tempdir().unwrap();
        let socket = home.path().join("s");
        let first = bind(&socket).unwrap();
        assert!(matches!(bind(&socket), Err(EngineError::Socket { .. })));
        drop(first);
        assert!(socket.exists());
        bind(&socket).unwrap();
    }
}
