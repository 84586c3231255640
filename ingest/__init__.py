"""Floor 3: from MQTT packets to batches of readings; a packet is acknowledged only after its batch is durable."""
