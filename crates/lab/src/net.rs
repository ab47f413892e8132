//! The few things a lab asks of the kernel's network configuration, blocking, in the network namespace of the caller.

use std::io;
use std::net::IpAddr;
use tokio::runtime::{self, Runtime};
use vip_netlink::{
    AddressKey, Event, Handle, LinkChange, LinkKind, Monitor, Namespace, NetlinkError, NewLink,
};

/// Links and addresses of the caller's network namespace.
pub(crate) struct Links {
    handle: Handle,
    runtime: Runtime,
}

impl Links {
    pub(crate) fn open() -> io::Result<Self> {
        let runtime = runtime()?;
        let handle = {
            let _inside = runtime.enter();
            Handle::open().map_err(system)?
        };
        Ok(Self { handle, runtime })
    }

    /// Makes a bridge and takes it up.
    pub(crate) fn add_bridge(&self, name: &str) -> io::Result<()> {
        let bridge = NewLink { up: true, ..NewLink::new(name, LinkKind::Bridge) };
        self.runtime.block_on(self.handle.create_link(&bridge)).map_err(system)
    }

    /// Makes a cable: `name` here, a port of `bridge`, up; `peer` in the network namespace of process `pid`.
    pub(crate) fn add_cable(&self, name: &str, bridge: &str, peer: &str, pid: u32) -> io::Result<()> {
        let kind = LinkKind::Veth { peer, peer_mac: None, peer_namespace: Some(Namespace::Pid(pid)) };
        let cable = NewLink { master: Some(self.index(bridge)?), up: true, ..NewLink::new(name, kind) };
        self.runtime.block_on(self.handle.create_link(&cable)).map_err(system)
    }

    /// Makes `port` a port of `bridge`, or of none.
    pub(crate) fn set_bridge(&self, port: &str, bridge: Option<&str>) -> io::Result<()> {
        let master = bridge.map_or(Ok(0), |name| self.index(name))?;
        self.change(port, &LinkChange { master: Some(master), ..LinkChange::default() })
    }

    /// Takes the interface up or down.
    pub(crate) fn set_up(&self, name: &str, up: bool) -> io::Result<()> {
        self.change(name, &LinkChange { up: Some(up), ..LinkChange::default() })
    }

    /// Removes an interface; of a cable both ends go.
    pub(crate) fn delete(&self, name: &str) -> io::Result<()> {
        let index = self.index(name)?;
        self.runtime.block_on(self.handle.delete_link(index)).map_err(system)
    }

    /// Gives `interface` an address for good, in a subnet of `prefix_len` bits.
    pub(crate) fn add_address(&self, interface: &str, addr: IpAddr, prefix_len: u8) -> io::Result<()> {
        let address = AddressKey::new(self.index(interface)?, addr, prefix_len);
        self.runtime.block_on(self.handle.add_own(address)).map_err(system)
    }

    /// Removes an address; that it is not there is no error.
    pub(crate) fn remove_address(&self, interface: &str, addr: IpAddr, prefix_len: u8) -> io::Result<()> {
        let address = AddressKey::new(self.index(interface)?, addr, prefix_len);
        self.runtime.block_on(self.handle.remove(address)).map_err(system)
    }

    /// All addresses, loopback ones excepted.
    pub(crate) fn addresses(&self) -> io::Result<Vec<IpAddr>> {
        let all = self.runtime.block_on(self.handle.addresses()).map_err(system)?;
        Ok(all.into_iter().map(|info| info.addr).filter(|addr| !addr.is_loopback()).collect())
    }

    fn change(&self, name: &str, change: &LinkChange<'_>) -> io::Result<()> {
        let index = self.index(name)?;
        self.runtime.block_on(self.handle.set_link(index, change)).map_err(system)
    }

    fn index(&self, name: &str) -> io::Result<u32> {
        let link = self.runtime.block_on(self.handle.link(name)).map_err(system)?;
        link.map(|link| link.index)
            .ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, format!("there is no interface {name}")))
    }
}

/// An address that came or went.
pub(crate) struct AddressChange {
    pub(crate) address: IpAddr,
    pub(crate) present: bool,
}

/// Hears of every address that comes or goes in the network namespace in which it was opened.
pub(crate) struct AddressMonitor {
    monitor: Monitor,
    runtime: Runtime,
}

impl AddressMonitor {
    pub(crate) fn open() -> io::Result<Self> {
        let runtime = runtime()?;
        let monitor = runtime.block_on(Monitor::open()).map_err(system)?;
        Ok(Self { monitor, runtime })
    }

    /// Waits for the next change.
    pub(crate) fn wait(&mut self) -> io::Result<AddressChange> {
        loop {
            match self.runtime.block_on(self.monitor.next()).map_err(system)? {
                Event::AddressAdded(info) => return Ok(AddressChange { address: info.addr, present: true }),
                Event::AddressRemoved(info) => {
                    return Ok(AddressChange { address: info.addr, present: false });
                }
                Event::LinkUp(_)
                | Event::LinkDown(_)
                | Event::LinkChanged(_)
                | Event::LinkGone(_)
                | Event::Overrun => {}
            }
        }
    }
}

fn runtime() -> io::Result<Runtime> {
    runtime::Builder::new_current_thread().enable_all().build()
}

/// The number survives as such where there is one: it crosses process borders.
fn system(error: NetlinkError) -> io::Error {
    match error.errno() {
        Some(errno) => errno.into(),
        None => io::Error::other(error),
    }
}
