//! Where a training computes.

use burn::tensor::Device;
use fervor::{Error, Reason, Remedy, Result};

/// A back end, by its name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Backend {
    /// The processor.
    #[default]
    Cpu,
    /// A graphics card through Vulkan, Metal or DX12; in programs built with the feature `wgpu`.
    Wgpu,
}

impl Backend {
    /// Reads `cpu`, `wgpu` or `cuda`.
    ///
    /// # Errors
    /// `Input`: another name, or one that no build has.
    pub fn parse(text: &str) -> Result<Self> {
        match text {
            "cpu" => Ok(Self::Cpu),
            "wgpu" => Ok(Self::Wgpu),
            // Burn 0.22's CUDA back end builds LLVM by a script that downloads it: no offline build can do that.
            "cuda" => Err(Error::input("there is no CUDA back end; wgpu runs on NVIDIA cards through Vulkan: \"cuda\"")
                .because(Reason::Unsupported)
                .with_remedy(Remedy::UseDevice { device: "wgpu".into() })),
            _ => Err(Error::input(format!("no such device: {text:?}")).with_hint("devices are cpu, wgpu and cuda")),
        }
    }

    /// Burn's device of this back end.
    ///
    /// # Errors
    /// `Input`: the program was built without it.
    pub fn device(self) -> Result<Device> {
        match self {
            Self::Cpu => Ok(Device::flex()),
            // Named here, because Burn's choice by itself would ask for WebGPU's shading language first.
            #[cfg(all(feature = "wgpu", target_os = "linux"))]
            Self::Wgpu => Ok(Device::vulkan(burn::tensor::DeviceKind::DefaultDevice)),
            #[cfg(all(feature = "wgpu", not(target_os = "linux")))]
            Self::Wgpu => Ok(Device::wgpu(burn::tensor::DeviceKind::DefaultDevice)),
            #[cfg(not(feature = "wgpu"))]
            Self::Wgpu => Err(Error::input("this program was built without a graphics back end: \"wgpu\"")
                .because(Reason::Unsupported)
                .with_remedy(Remedy::BuildWith { feature: "wgpu".into() })),
        }
    }
}
