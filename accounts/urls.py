"""Routes of sign-in; the second factor's pages are allauth's, in our templates."""

from allauth.account import views as allauth_views
from django.urls import include, path
from django.views.generic import RedirectView

from accounts.company import views as company
from accounts.company.directory import views as directory
from accounts.linked import views as linked
from accounts.members.views import invitation, picture
from accounts.sign_in import keys, reset_views, views

urlpatterns = [
    path("sign-in/company/", company.ask, name="company_ask"),
    path("sign-in/company/<slug:slug>/", company.start, name="company_start"),
    path("sign-in/company/<slug:slug>/back/", company.back, name="company_back"),
    path("sign-in/company/<slug:slug>/logout/", company.end_sessions, name="company_end_sessions"),
    path("sign-in/with/<slug:slug>/", linked.start, name="linked_start"),
    path("sign-in/with/<slug:slug>/back/", linked.back, name="linked_back"),
    path("scim/v2/", directory.serve, name="scim"),
    path("scim/v2/<path:rest>", directory.serve, name="scim_resource"),
    path("account/company/", company.confirm, name="company_confirm"),
    path("i/<str:token>/company/", company.join, name="company_join"),
    path("account/tenant/", views.switch_tenant, name="switch_tenant"),
    path("account/mail/", views.mail_preference, name="mail_preference"),
    path("account/login/", views.sign_in, name="account_login"),
    path("account/logout/", allauth_views.logout, name="account_logout"),
    path("account/reauthenticate/", allauth_views.reauthenticate, name="account_reauthenticate"),
    path("account/password/", views.change_password, name="account_change_password"),
    path("account/reset/", reset_views.forgot_password, name="forgot_password"),
    path("r/<str:token>/", reset_views.new_password, name="new_password"),
    path("v/<str:token>/", views.confirm_address, name="confirm_address"),
    path("i/<str:token>/", invitation, name="invitation"),
    path("pictures/<str:key>/", picture, name="member_picture"),
    # Those of keys that aren't as allauth has them; the list is on the page of all factors.
    path("account/2fa/webauthn/", RedirectView.as_view(pattern_name="mfa_index"), name="mfa_list_webauthn"),
    path("account/2fa/webauthn/add/", keys.add_key, name="mfa_add_webauthn"),
    path("account/2fa/webauthn/reauthenticate/", keys.confirm_by_key, name="mfa_reauthenticate_webauthn"),
    path("account/2fa/webauthn/login/", keys.sign_in_by_passkey, name="mfa_login_webauthn"),
    path("account/2fa/webauthn/keys/<int:pk>/edit/", keys.rename_key, name="mfa_edit_webauthn"),
    path("account/2fa/webauthn/keys/<int:pk>/remove/", keys.remove_key, name="mfa_remove_webauthn"),
    path("account/2fa/", company.FactorsView.as_view(), name="mfa_index"),
    path("account/2fa/", include("allauth.mfa.urls")),
    path(".well-known/jwks.json", views.token_keys, name="token_keys"),
]
