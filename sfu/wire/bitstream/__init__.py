"""What a codec's own bits say: where keyframes begin, how large a picture is, which parameter sets it needs."""
