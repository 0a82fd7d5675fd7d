"""The job handlers of the reference application."""

from collections.abc import Mapping

from tickover.jobs.handler import OneHandler
from tickover.outreach.handlers.inbound import email_inbound_post_process, sms_inbound_post_process
from tickover.outreach.handlers.leads import conversation_sync, lead_scoring
from tickover.outreach.handlers.sending import ai_auto_send_delayed

HANDLERS: Mapping[str, OneHandler] = {
    "email_inbound_post_process": email_inbound_post_process,
    "sms_inbound_post_process": sms_inbound_post_process,
    "lead_scoring": lead_scoring,
    "conversation_sync": conversation_sync,
    "ai_auto_send_delayed": ai_auto_send_delayed,
}
