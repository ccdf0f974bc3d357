//! The instances of a control plane that run, of whichever kind.

use crate::kernel::Schedule;
use crate::program::control::SubscriberIdx;
use crate::units::{SimTime, Span};

use super::push::Replica;
use super::stream::Destination;
use super::{Event, Shared};

/// What tells proxies of changes.
#[derive(Debug)]
pub(super) enum Plane {
    /// Nobody is told anything.
    Nobody,
    /// Instances by their numbers; `None` does not run.
    Push(Vec<Option<Box<Replica>>>),
    Stream(Box<Destination>),
}

impl Plane {
    /// The instance of this number, if it runs.
    pub(super) fn replica(&mut self, instance: u32) -> Option<&mut Replica> {
        match self {
            Self::Push(replicas) => replicas.get_mut(instance as usize)?.as_deref_mut(),
            Self::Nobody | Self::Stream(_) => None,
        }
    }

    fn replicas(&self) -> impl Iterator<Item = &Replica> {
        let replicas = match self {
            Self::Push(replicas) => replicas.as_slice(),
            Self::Nobody | Self::Stream(_) => &[],
        };
        replicas.iter().flatten().map(|replica| &**replica)
    }

    /// An instance runs from now on, with so many cores.
    pub(super) fn start(&mut self, instance: u32, cores: f64, shared: &Shared<'_>) {
        match self {
            Self::Nobody => {}
            Self::Push(replicas) => {
                let crate::program::control::Plane::Push(costs) = shared.setup.plane else { return };
                if replicas.len() <= instance as usize {
                    replicas.resize_with(instance as usize + 1, || None);
                }
                replicas[instance as usize] = Some(Box::new(Replica::new(instance, costs, cores, shared)));
            }
            Self::Stream(destination) => destination.start(instance, cores, shared.program.window),
        }
    }

    /// An instance is gone, and with it what it was about to say. `lost` were connected to it.
    pub(super) fn stop(&mut self, instance: u32, lost: &[SubscriberIdx]) -> Option<(u64, u32)> {
        match self {
            Self::Nobody => None,
            Self::Push(replicas) => {
                let replica = replicas.get_mut(instance as usize)?.take()?;
                Some((replica.builds(), replica.queue_max()))
            }
            Self::Stream(destination) => {
                for &subscriber in lost {
                    destination.close(subscriber);
                }
                destination.stop(instance);
                None
            }
        }
    }

    /// A proxy wants to connect to an instance. Returns when it may; `None` if it is refused.
    pub(super) fn admit(&mut self, instance: u32, now: SimTime) -> Option<SimTime> {
        self.replica(instance).map_or(Some(now), |replica| replica.admit(now))
    }

    /// A proxy is connected, and asks for all there is.
    pub(super) fn connect(
        &mut self,
        instance: u32,
        subscriber: SubscriberIdx,
        shared: &mut Shared<'_>,
        schedule: &mut Schedule<Event>,
    ) {
        if let Self::Stream(destination) = self {
            destination.open(subscriber, instance, shared, schedule);
        } else if let Some(replica) = self.replica(instance) {
            replica.connect(subscriber, shared, schedule);
        }
    }

    /// A proxy is connected no longer.
    pub(super) fn disconnect(
        &mut self,
        instance: u32,
        subscriber: SubscriberIdx,
        shared: &mut Shared<'_>,
        schedule: &mut Schedule<Event>,
    ) {
        if let Self::Stream(destination) = self {
            destination.close(subscriber);
        } else if let Some(replica) = self.replica(instance) {
            replica.disconnect(subscriber, shared, schedule);
        }
    }

    /// Each instance may use so many cores from now on.
    pub(super) fn resize(&mut self, cores: f64, schedule: &mut Schedule<Event>) {
        match self {
            Self::Nobody => {}
            Self::Push(replicas) => {
                for replica in replicas.iter_mut().flatten() {
                    replica.resize(cores, schedule);
                }
            }
            Self::Stream(destination) => destination.resize(cores, schedule),
        }
    }

    /// CPU of an instance since it runs: in all and in the window.
    pub(super) fn used(&self, instance: u32, now: SimTime) -> [Span; 2] {
        match self {
            Self::Nobody => [Span::ZERO; 2],
            Self::Push(replicas) => {
                let replica = replicas.get(instance as usize).and_then(Option::as_ref);
                replica.map_or([Span::ZERO; 2], |replica| {
                    [replica.cpu_used(now), replica.cpu_used_in_window(now)]
                })
            }
            Self::Stream(destination) => destination.used(instance, now),
        }
    }

    /// Bytes that an instance makes or sends.
    pub(super) fn in_work(&self, instance: u32) -> f64 {
        match self {
            Self::Nobody => 0.0,
            Self::Push(replicas) => {
                let replica = replicas.get(instance as usize).and_then(Option::as_ref);
                replica.map_or(0.0, |replica| replica.in_work())
            }
            Self::Stream(destination) => destination.in_work(instance),
        }
    }

    /// Proxies that wait to be pushed to, or updates that wait for a CPU, at all instances.
    pub(super) fn waiting(&self) -> u32 {
        match self {
            Self::Stream(destination) => destination.waiting(),
            Self::Nobody | Self::Push(_) => self.replicas().map(Replica::waiting).sum(),
        }
    }

    /// Pushes built by instances that run.
    pub(super) fn builds(&self) -> u64 {
        self.replicas().map(Replica::builds).sum()
    }

    /// The most that have waited at once at an instance that runs, or of updates at all.
    pub(super) fn queue_max(&self) -> u32 {
        match self {
            Self::Stream(destination) => destination.queue_max(),
            Self::Nobody | Self::Push(_) => self.replicas().map(Replica::queue_max).max().unwrap_or(0),
        }
    }

    /// Nobody has older configuration than was last sent to it, unless something is under way.
    pub(super) fn check(&self, shared: &Shared<'_>) {
        match self {
            Self::Stream(destination) => destination.check(shared),
            Self::Nobody | Self::Push(_) => self.replicas().for_each(|replica| replica.check(shared)),
        }
    }
}
