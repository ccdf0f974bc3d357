//! A figure that somebody measured beside what the simulator says, and the band it must lie in.

/// Who measured, and whether constants in `models/` were chosen to meet the figure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Origin {
    /// Our own measurement.
    Own { fitted: bool },
    /// A published figure.
    Published { fitted: bool },
}

/// What is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Quantity {
    Cpu,
    P50,
    P90,
    P99,
    Memory,
    StartUp,
    /// CPU of a TLS handshake.
    Handshake,
    /// Between two meshes, features or loads.
    Ratio,
}

impl Quantity {
    pub(super) const ALL: [Self; 8] = [
        Self::Cpu,
        Self::P50,
        Self::P90,
        Self::P99,
        Self::Memory,
        Self::StartUp,
        Self::Handshake,
        Self::Ratio,
    ];

    pub(super) fn title(self) -> &'static str {
        match self {
            Self::Cpu => "CPU",
            Self::P50 => "added p50",
            Self::P90 => "added p90",
            Self::P99 => "added p99",
            Self::Memory => "memory",
            Self::StartUp => "start-up",
            Self::Handshake => "handshake CPU",
            Self::Ratio => "ratio",
        }
    }
}

/// One figure.
#[derive(Clone, Debug)]
pub(super) struct Row {
    pub(super) origin: Origin,
    /// The process it is about, as the profiles tell them apart.
    pub(super) proxy: &'static str,
    /// Who says so; empty for our own measurement.
    pub(super) source: &'static str,
    pub(super) setup: String,
    pub(super) quantity: Quantity,
    /// Unit of both numbers.
    pub(super) unit: &'static str,
    pub(super) figure: f64,
    pub(super) predicted: f64,
}

impl Row {
    pub(super) fn error(&self) -> f64 {
        self.predicted / self.figure - 1.0
    }

    pub(super) fn fitted(&self) -> bool {
        matches!(self.origin, Origin::Own { fitted: true } | Origin::Published { fitted: true })
    }

    pub(super) fn is_own(&self) -> bool {
        matches!(self.origin, Origin::Own { .. })
    }

    /// The band that was fixed before any fitting.
    pub(super) fn band(&self) -> f64 {
        let is_latency = matches!(self.quantity, Quantity::P50 | Quantity::P90 | Quantity::P99);
        match (self.quantity, self.origin, is_latency) {
            (Quantity::Ratio, ..) | (_, Origin::Own { fitted: true }, true) => 0.25,
            (_, Origin::Own { fitted: false }, true) => 0.40,
            (_, Origin::Published { .. }, true) => 0.50,
            (_, Origin::Own { fitted: true }, false) => 0.15,
            _ => 0.30,
        }
    }

    pub(super) fn outside(&self) -> bool {
        // Just inside stays inside whatever the last bit says.
        self.error().abs() > self.band() + 1e-9
    }
}

/// Rows of one set-up from one source.
#[derive(Clone, Debug)]
pub(super) struct Setup {
    pub(super) proxy: &'static str,
    pub(super) source: &'static str,
    pub(super) title: String,
}

impl Setup {
    pub(super) fn published(&self, quantity: Quantity, unit: &'static str, numbers: [f64; 2]) -> Row {
        self.row(Origin::Published { fitted: false }, quantity, unit, numbers)
    }

    pub(super) fn row(
        &self,
        origin: Origin,
        quantity: Quantity,
        unit: &'static str,
        [figure, predicted]: [f64; 2],
    ) -> Row {
        let Self { proxy, source, title: setup } = self.clone();
        Row { origin, proxy, source, setup, quantity, unit, figure, predicted }
    }
}
