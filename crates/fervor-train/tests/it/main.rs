mod training;
mod transfer;
mod world;
