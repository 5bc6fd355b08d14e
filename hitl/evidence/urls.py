"""URLs for auditors, who need no account: the public keys and the verifier."""

from django.urls import path

from hitl.evidence import views

urlpatterns = [
    path("evidence/keys.json", views.public_keys, name="evidence_keys"),
    path("evidence/verify_evidence.py", views.verifier, name="evidence_verifier"),
]
