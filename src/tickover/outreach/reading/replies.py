"""What a draft answers. Pure."""

import re

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


_REPLY = re.compile(r"(?:(?:re|aw|sv|fwd?|wg|tr) ?: ?)+", re.IGNORECASE)


def compose_reply(name: str, interest: Interest) -> str:
    """The text of a draft to a lead of that name."""
    first = next(iter(name.split()), "there")
    return _BODIES[interest].format(name=first)


def is_reply_subject(subject: str) -> bool:
    """Whether a subject answers or forwards, so that its words are not its writer's."""
    return _REPLY.match(subject) is not None


def reply_subject(subject: str) -> str:
    """The subject of an answer: one `Re:` in front, however many there were."""
    bare = _REPLY.sub("", subject, count=1) if is_reply_subject(subject) else subject
    return f"Re: {bare}" if bare else "Your message"
