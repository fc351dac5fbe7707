"""What a publisher is told: what is missing (NACK), what arrived, how much it may send, when a keyframe is needed."""
