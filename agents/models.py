"""Tables of agents: versions, runs, knowledge, memory, models, evals and trials."""

from agents.answering.models import AgentRun, AgentRunMessage, ToolCall
from agents.answering.routing.models import AnswerRule
from agents.knowledge.help.models import HelpCentre, HelpVote
from agents.knowledge.models import (
    Citation,
    Collection,
    Document,
    DocumentVersion,
    OpenQuestion,
    Passage,
    QuestionAsked,
    Site,
    Term,
    UploadedFile,
)
from agents.knowledge.vector_models import PassageVector
from agents.langflow.models import FlowServer, FlowSession
from agents.llm.routes.models import Budget, ModelCall, ModelRoute, Spend
from agents.memory.models import ContactFact
from agents.studio.evals.models import EvalCase, EvalResult, EvalRun
from agents.studio.models import Agent, AgentActivation, AgentVersion
from agents.studio.trials.models import Trial, TrialTurn

__all__ = [
    "Agent",
    "AgentActivation",
    "AgentRun",
    "AgentRunMessage",
    "AgentVersion",
    "AnswerRule",
    "Budget",
    "Citation",
    "Collection",
    "ContactFact",
    "Document",
    "DocumentVersion",
    "EvalCase",
    "EvalResult",
    "EvalRun",
    "FlowServer",
    "FlowSession",
    "HelpCentre",
    "HelpVote",
    "ModelCall",
    "ModelRoute",
    "OpenQuestion",
    "Passage",
    "PassageVector",
    "QuestionAsked",
    "Site",
    "Spend",
    "Term",
    "ToolCall",
    "Trial",
    "TrialTurn",
    "UploadedFile",
]
