//! The section of a recipe that says what is done to training pictures.

use fervor::Result;
use serde::{Deserialize, Serialize};

use super::{is_zero, require};

fn one() -> f64 {
    1.0
}

/// `[augment]`: what is done to training pictures; the defaults change nothing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AugmentRecipe {
    /// Half of the pictures are mirrored.
    #[serde(default)]
    pub flip: bool,
    /// Largest shift in each direction, as a share of the side.
    #[serde(default)]
    pub shift: f64,
    /// Largest rotation either way, in degrees.
    #[serde(default)]
    pub rotation: f64,
    /// Largest change of size either way, as a share.
    #[serde(default)]
    pub scale: f64,
    /// Largest share of the side that a random crop takes away; what is left fills the chip again.
    #[serde(default)]
    pub crop: f64,
    /// Largest change of brightness either way, as a share of white.
    #[serde(default)]
    pub brightness: f64,
    /// Largest change of contrast either way, as a share.
    #[serde(default)]
    pub contrast: f64,
    /// Probability that a rectangle is wiped out (Zhong et al., "Random erasing", 2017).
    #[serde(default)]
    pub erase: f64,
    /// Smallest and largest area of that rectangle, as shares of the chip.
    #[serde(default = "default_erase_area")]
    pub erase_area: [f64; 2],
    /// Probability that a chip is made worse in one of three ways, each as likely: blurred, of fewer pixels, noisy (Rusak et
    /// al., "A simple way to make neural networks robust against diverse image corruptions", 2020).
    #[serde(default)]
    pub degrade: f64,
    /// Probability that a chip is overexposed: its values are multiplied by 1.2 to 2.5, and what is above white is lost.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub overexpose: f64,
    /// Probability that a chip goes through JPEG at a quality of 10 to 60.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub jpeg: f64,
    /// Alpha of mixup (Zhang et al., 2018): pictures and targets are blended in shares from Beta(alpha, alpha); 0: off.
    #[serde(default)]
    pub mixup: f64,
    /// Alpha of CutMix (Yun et al., 2019): a rectangle of another picture, targets in shares of the area; 0: off. With
    /// both, each is drawn half of the time.
    #[serde(default)]
    pub cutmix: f64,
    /// Share of the batches that are mixed.
    #[serde(default = "one")]
    pub mix_share: f64,
}

fn default_erase_area() -> [f64; 2] {
    [0.02, 0.2]
}

impl Default for AugmentRecipe {
    fn default() -> Self {
        Self {
            flip: false,
            shift: 0.0,
            rotation: 0.0,
            scale: 0.0,
            crop: 0.0,
            brightness: 0.0,
            contrast: 0.0,
            erase: 0.0,
            erase_area: default_erase_area(),
            degrade: 0.0,
            overexpose: 0.0,
            jpeg: 0.0,
            mixup: 0.0,
            cutmix: 0.0,
            mix_share: 1.0,
        }
    }
}

impl AugmentRecipe {
    pub(super) fn check(&self) -> Result<()> {
        require((0.0..=0.5).contains(&self.shift), "augment.shift", "in 0.0..=0.5", self.shift)?;
        require((0.0..=180.0).contains(&self.rotation), "augment.rotation", "in 0.0..=180.0 degrees", self.rotation)?;
        for (key, value) in [("augment.scale", self.scale), ("augment.crop", self.crop)] {
            require((0.0..=0.9).contains(&value), key, "in 0.0..=0.9", value)?;
        }
        for (key, value) in [
            ("augment.brightness", self.brightness),
            ("augment.contrast", self.contrast),
            ("augment.erase", self.erase),
            ("augment.degrade", self.degrade),
            ("augment.overexpose", self.overexpose),
            ("augment.jpeg", self.jpeg),
        ] {
            require((0.0..=1.0).contains(&value), key, "in 0.0..=1.0", value)?;
        }
        for (key, value) in [("augment.mixup", self.mixup), ("augment.cutmix", self.cutmix)] {
            require((0.0..=4.0).contains(&value), key, "in 0.0..=4.0", value)?;
        }
        require((0.0..=1.0).contains(&self.mix_share), "augment.mix_share", "in 0.0..=1.0", self.mix_share)?;
        let [least, most] = self.erase_area;
        let fits = 0.0 < least && least <= most && most <= 1.0;
        require(fits, "augment.erase_area", "[least, most] in 0.0..=1.0", format!("{:?}", self.erase_area))
    }
}
