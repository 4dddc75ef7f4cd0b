// Loaded into every program that a load test starts (`--import`): when the run is gone, however that came, the program ends too.
process.on("disconnect", () => process.exit(1));
process.channel?.unref();
