mod training;
mod world;
