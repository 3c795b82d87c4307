"""What chapter 07 shows: what the shipped networks know before any brain comes in (paper Figure 12)."""
