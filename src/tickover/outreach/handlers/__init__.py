"""The job handlers of the reference application."""

from tickover.jobs.handler import Handlers
from tickover.outreach.handlers.inbound import email_inbound_post_process, sms_inbound_post_process
from tickover.outreach.handlers.leads import conversation_sync, lead_scoring
from tickover.outreach.handlers.sending import ai_auto_send_delayed

HANDLERS: Handlers = {
    "email_inbound_post_process": email_inbound_post_process,
    "sms_inbound_post_process": sms_inbound_post_process,
    "lead_scoring": lead_scoring,
    "conversation_sync": conversation_sync,
    "ai_auto_send_delayed": ai_auto_send_delayed,
}
