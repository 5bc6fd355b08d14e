"""What a customer's page does with surveys."""

from conversations.surveys.links import NO_SURVEY, read_survey_token
from conversations.surveys.surveys import (
    COMMENT_LIMIT,
    MARKS,
    ask_survey,
    final_at,
    get_survey_to_answer,
    may_rate,
    question_of_survey,
    rate_conversation,
)
