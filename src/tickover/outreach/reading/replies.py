"""What a draft answers. Pure."""

from tickover.outreach.states import Interest

_BODIES = {
    Interest.INTERESTED: (
        "Hi {name},\n\nthank you, good to hear. Would a short call this week suit you? "
        "Name a time and you will have an invitation with everything you asked for.\n\nBest regards"
    ),
    Interest.DECLINED: (
        "Hi {name},\n\nthank you for telling us, that helps. If things change, a short answer is enough.\n\n"
        "Best regards"
    ),
    Interest.UNCLEAR: (
        "Hi {name},\n\nthank you for your message. Is there anything you would like to know before we go on?\n\n"
        "Best regards"
    ),
}


def compose_reply(name: str, interest: Interest) -> str:
    """The text of a draft to a lead of that name."""
    first = next(iter(name.split()), "there")
    return _BODIES[interest].format(name=first)


def reply_subject(subject: str) -> str:
    """The subject of an answer: one `Re:` in front, however many there were."""
    bare = subject
    while bare[:3].lower() in {"re:", "aw:", "sv:"}:
        bare = bare[3:].strip()
    return f"Re: {bare}" if bare else "Your message"
