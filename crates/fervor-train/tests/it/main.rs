mod bench;
mod folds;
mod learning;
mod training;
mod transfer;
mod votes;
mod world;
