"""From one publisher's packets to its viewers: receive, number, keep, forward."""
