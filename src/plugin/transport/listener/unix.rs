//! A Unix socket that only its owner (or one group) can reach.
//!
//! The socket lies in a directory of its own with mode 0700, so that there is no moment between
//! binding and narrowing the mode in which others could connect. Both are removed on drop.

use std::fs::{DirBuilder, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use rustix::fs::Gid;
use tokio::net::{UnixListener, UnixStream};

/// Longest path that fits the address structure everywhere (macOS: 104 with the final zero).
const PATH_LIMIT: usize = 103;

#[derive(Debug)]
pub(super) struct PrivateSocket {
    listener: UnixListener,
    directory: PrivateDirectory,
}

/// Removed on drop, with the socket in it.
#[derive(Debug)]
struct PrivateDirectory(PathBuf);

impl PrivateSocket {
    pub(super) fn bind(parent: Option<&Path>, group: Option<&str>) -> io::Result<Self> {
        let parent = parent.map_or_else(std::env::temp_dir, Path::to_path_buf);
        let group = group.map(group_id).transpose()?;
        let directory = PrivateDirectory::create(&parent)?;
        let path = directory.socket();
        let listener = UnixListener::bind(&path)?;
        // A group member needs to enter the directory and to write to the socket, no more.
        let (directory_mode, socket_mode) =
            if group.is_some() { (0o710, 0o660) } else { (0o700, 0o600) };
        if let Some(group) = group {
            rustix::fs::chown(&path, None, Some(group))?;
            rustix::fs::chown(&directory.0, None, Some(group))?;
        }
        std::fs::set_permissions(&path, Permissions::from_mode(socket_mode))?;
        std::fs::set_permissions(&directory.0, Permissions::from_mode(directory_mode))?;
        Ok(Self { listener, directory })
    }

    pub(super) fn path(&self) -> PathBuf {
        self.directory.socket()
    }

    pub(super) async fn accept(&self) -> io::Result<UnixStream> {
        self.listener.accept().await.map(|(stream, _)| stream)
    }
}

impl PrivateDirectory {
    fn create(parent: &Path) -> io::Result<Self> {
        // Short, because socket paths are; random, so that nobody can occupy it beforehand.
        let name = format!("plugin-{:012x}", uuid::Uuid::new_v4().as_u128() >> 80);
        let path = parent.join(name);
        if path.join("socket").as_os_str().len() > PATH_LIMIT {
            let message = format!(
                "the path of a socket in {} would be too long; set TMPDIR or \
                 PLUGIN_UNIX_SOCKET_DIR to a shorter directory",
                parent.display()
            );
            return Err(io::Error::new(io::ErrorKind::InvalidInput, message));
        }
        DirBuilder::new().mode(0o700).create(&path)?;
        Ok(Self(path))
    }

    fn socket(&self) -> PathBuf {
        self.0.join("socket")
    }
}

impl Drop for PrivateDirectory {
    fn drop(&mut self) {
        // Nothing can be done about a failure, and nobody is left to tell.
        let _ = std::fs::remove_file(self.socket());
        let _ = std::fs::remove_dir(&self.0);
    }
}

/// A number, or a name of `/etc/group`.
fn group_id(group: &str) -> io::Result<Gid> {
    let number = group.parse().ok().or_else(|| {
        let groups = std::fs::read_to_string("/etc/group").ok()?;
        find_group(&groups, group)
    });
    number.map(Gid::from_raw).ok_or_else(|| {
        io::Error::new(
            io::ErrorKind::NotFound,
            "PLUGIN_UNIX_SOCKET_GROUP names a group that does not exist",
        )
    })
}

fn find_group(groups: &str, name: &str) -> Option<u32> {
    groups.lines().find_map(|line| {
        let mut fields = line.split(':');
        (fields.next() == Some(name)).then(|| fields.nth(1)?.parse().ok()).flatten()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(path: &Path) -> u32 {
        std::fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[tokio::test]
    async fn socket_is_private_and_removed_on_drop() {
        let parent = tempfile::tempdir().unwrap();
        let socket = PrivateSocket::bind(Some(parent.path()), None).unwrap();
        let path = socket.path();
        assert_eq!(mode(&path), 0o600);
        assert_eq!(mode(path.parent().unwrap()), 0o700);
        drop(socket);
        assert_eq!(std::fs::read_dir(parent.path()).unwrap().count(), 0);
    }

    #[tokio::test]
    async fn socket_for_a_group_opens_exactly_to_it() {
        let parent = tempfile::tempdir().unwrap();
        let own = rustix::process::getgid().as_raw().to_string();
        let socket = PrivateSocket::bind(Some(parent.path()), Some(&own)).unwrap();
        assert_eq!(mode(&socket.path()), 0o660);
        assert_eq!(mode(socket.path().parent().unwrap()), 0o710);
    }

    #[tokio::test]
    async fn failures_leave_nothing_behind() {
        let parent = tempfile::tempdir().unwrap();
        assert!(PrivateSocket::bind(Some(parent.path()), Some("no such group")).is_err());
        let long = parent.path().join("x".repeat(100));
        std::fs::create_dir(&long).unwrap();
        assert!(PrivateSocket::bind(Some(&long), None).is_err());
        assert_eq!(std::fs::read_dir(&long).unwrap().count(), 0);
        assert!(PrivateSocket::bind(Some(&parent.path().join("absent")), None).is_err());
    }

    #[test]
    fn group_names_are_matched_whole() {
        let groups = "root:x:0:\nstaff:x:50:a,b\nstaffers:x:51:\nbroken\n";
        assert_eq!(find_group(groups, "staff"), Some(50));
        assert_eq!(find_group(groups, "staf"), None);
        assert_eq!(find_group(groups, "broken"), None);
    }
}
